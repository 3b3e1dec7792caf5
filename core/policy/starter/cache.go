package starter

import (
	"bytes"
	"encoding/binary"
)

// Layout of /etc/ld.so.cache: a header of 48 bytes with the number of entries, then entries of 24 bytes with the offsets of a library's name and of
// its path, which are strings that end with a zero byte. Source: glibc's sysdeps/generic/dl-cache.h, struct cache_file_new.
const (
	cacheMagic  = "glibc-ld.so.cache1.1"
	cacheCount  = len(cacheMagic)
	cacheHeader = 48
	cacheEntry  = 24
	cacheName   = 4 // in an entry
	cachePath   = 8
	maxCache    = 4 << 20
)

// cache returns the paths that the loader's cache has for each library; nothing when there is none that can be read.
func cache(files Files) map[string][]string {
	text, err := start(files, loaderCache, maxCache)
	if err != nil {
		return nil
	}
	return parseCache(text)
}

func parseCache(text []byte) map[string][]string {
	if i := bytes.Index(text, []byte(cacheMagic)); i >= 0 {
		text = text[i:] // behind the older format, where there is one; offsets start here
	}
	if len(text) < cacheHeader || !bytes.HasPrefix(text, []byte(cacheMagic)) {
		return nil
	}
	at := func(offset uint32) string {
		if uint64(offset) >= uint64(len(text)) {
			return ""
		}
		s, _, ended := bytes.Cut(text[offset:min(len(text), int(offset)+4096)], []byte{0})
		if !ended {
			return ""
		}
		return string(s)
	}
	paths := map[string][]string{}
	count := binary.NativeEndian.Uint32(text[cacheCount:])
	for entries := text[cacheHeader:]; count > 0 && len(entries) >= cacheEntry; count, entries = count-1, entries[cacheEntry:] {
		name, path := at(binary.NativeEndian.Uint32(entries[cacheName:])), at(binary.NativeEndian.Uint32(entries[cachePath:]))
		if name != "" && path != "" {
			paths[name] = append(paths[name], path)
		}
	}
	return paths
}
