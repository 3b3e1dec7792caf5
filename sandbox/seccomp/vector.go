package seccomp

// vector is a binary number of which every bit is a condition; the lowest comes first.
type vector [32]ref

func constant(k uint32) (v vector) {
	for i := range v {
		v[i] = ref(k >> i & 1)
	}
	return v
}

func (d *diagram) load(word uint32) (v vector) {
	for i := range v {
		v[i] = d.bit(word, i)
	}
	return v
}

// equal returns where two numbers are the same, from their bits, the lowest first.
func (d *diagram) equal(a, b []ref) ref {
	is := always
	for i := range a {
		is = d.ite(a[i], d.ite(b[i], is, never), d.ite(b[i], never, is))
	}
	return is
}

// above returns where a is greater than b, and with orEqual also where they are the same.
func (d *diagram) above(a, b []ref, orEqual bool) ref {
	is := never
	if orEqual {
		is = always
	}
	for i := range a {
		is = d.ite(a[i], d.ite(b[i], is, always), d.ite(b[i], never, is))
	}
	return is
}

// common returns where two numbers have a bit in common.
func (d *diagram) common(a, b []ref) ref {
	is := never
	for i := range a {
		is = d.or(d.and(a[i], b[i]), is)
	}
	return is
}

func (d *diagram) bitwise(op func(a, b ref) ref, a, b vector) (v vector) {
	for i := range v {
		v[i] = op(a[i], b[i])
	}
	return v
}

// add returns a+b+carry.
func (d *diagram) add(a, b vector, carry ref) (sum vector) {
	for i := range sum {
		half := d.xor(a[i], b[i])
		sum[i] = d.xor(half, carry)
		carry = d.ite(half, carry, a[i])
	}
	return sum
}

func (d *diagram) complement(a vector) (v vector) {
	for i := range v {
		v[i] = d.not(a[i])
	}
	return v
}

func (d *diagram) subtract(a, b vector) vector { return d.add(a, d.complement(b), always) }

func (d *diagram) multiply(a, b vector) (product vector) {
	for i, bit := range b {
		if bit == never {
			continue
		}
		var part vector
		for j := i; j < len(part); j++ {
			part[j] = d.and(bit, a[j-i])
		}
		product = d.add(product, part, never)
	}
	return product
}

// divide returns a/b where b is not 0, by long division.
func (d *diagram) divide(a, b vector) (quotient vector) {
	var rest vector
	for i := len(a) - 1; i >= 0 && !d.exhausted(); i-- {
		rest = shifted(rest, 1) // it is at most a>>i, so that no bit is lost
		rest[0] = a[i]
		fits := d.above(rest[:], b[:], true)
		quotient[i] = fits
		less := d.subtract(rest, b)
		for j := range rest {
			rest[j] = d.ite(fits, less[j], rest[j])
		}
	}
	return quotient
}

// shifted returns v shifted by some bits to the left, to the right when by is negative.
func shifted(v vector, by int) (out vector) {
	for i := range out {
		if from := i - by; from >= 0 && from < len(v) {
			out[i] = v[from]
		}
	}
	return out
}

// shift returns v shifted by the lowest five bits of another number.
func (d *diagram) shift(v, by vector, left bool) vector {
	for i, bit := range by[:5] {
		step := 1 << i
		if !left {
			step = -step
		}
		moved := shifted(v, step)
		for j := range v {
			v[j] = d.ite(bit, moved[j], v[j])
		}
	}
	return v
}
