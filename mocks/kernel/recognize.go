package kernel

// Recognize says what executing a file with exactly these contents does: main runs in the process, as with [Kernel.Install]. It is for
// executables that the code under test carries with it and writes into a file by itself. main nil forgets them.
func (k *Kernel) Recognize(contents []byte, main Main) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if main == nil {
		delete(k.recognized, string(contents))
		return
	}
	if k.recognized == nil {
		k.recognized = map[string]Main{}
	}
	k.recognized[string(contents)] = main
}

// recognize returns the program of a file's contents, nil for unknown ones.
func (k *Kernel) recognize(r *regular) Main {
	for contents, main := range k.recognized {
		if int64(len(contents)) != r.length {
			continue
		}
		b := make([]byte, len(contents))
		if r.readAt(b, 0); string(b) == contents {
			return main
		}
	}
	return nil
}
