package host

import "fmt"

// Availability says whether the host can enforce a protection.
type Availability uint8

// The zero value is No.
const (
	No Availability = iota
	Partly
	Yes
)

// String returns "no", "partly" or "yes".
func (a Availability) String() string {
	switch a {
	case No:
		return "no"
	case Partly:
		return "partly"
	case Yes:
		return "yes"
	}
	return fmt.Sprintf("Availability(%d)", uint8(a))
}

// MarshalText makes the JSON form the same words.
func (a Availability) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (a *Availability) UnmarshalText(text []byte) error {
	for _, v := range []Availability{No, Partly, Yes} {
		if string(text) == v.String() {
			*a = v
			return nil
		}
	}
	return fmt.Errorf("availability %q is not one of yes, partly and no", text)
}

// Protection is one line of the table that says what this host can enforce.
type Protection struct {
	Name      string       `json:"name"`
	Available Availability `json:"available"`
	Detail    string       `json:"detail"`           // what is there, or why it is not
	Enable    string       `json:"enable,omitempty"` // the command or step that would make it available
}

// available returns the line of a protection that is there when ok, with the detail that belongs to it.
func available(name string, ok bool, detail, missing, enable string) Protection {
	if ok {
		return Protection{Name: name, Available: Yes, Detail: detail}
	}
	return Protection{Name: name, Available: No, Detail: missing, Enable: enable}
}
