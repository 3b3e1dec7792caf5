package policy

import "slices"

// Key is a key of the language: what the parser takes, the schema and the reference for readers say alike.
type Key struct {
	In       string // the map that it stands in, named as in messages: "the policy", "a module", "seccomp"
	Name     string
	Type     ValueType
	Holds    string // the map that its value is, or that its entries are: the In of other keys; "" for none
	Required bool
	Default  string // what holds when it is not written, as it would be written; "" when nothing does
	Range    string // "1 to 1000"; "" when the type says everything
	Kernel   string // the first kernel that has what it needs; "" for all that are supported
	Example  string // as it is written, the key included
	Text     string // one sentence
}

// ValueType is what the value of a key may be.
type ValueType string

const (
	TypeText          ValueType = "string"
	TypeBool          ValueType = "boolean"
	TypeNumber        ValueType = "number"
	TypeVersion       ValueType = "version of the language"
	TypeKernel        ValueType = "kernel version"
	TypeDuration      ValueType = "duration"
	TypeSize          ValueType = "size"
	TypeMode          ValueType = "mode"
	TypePath          ValueType = "path"
	TypeAddress       ValueType = "address"
	TypeProbeAddress  ValueType = "address to connect to"
	TypeAccount       ValueType = "account"
	TypeUser          ValueType = "account or map"
	TypeGroups        ValueType = "list of groups"
	TypeCommand       ValueType = "command"
	TypeNames         ValueType = "name or list of names"
	TypeEnvironment   ValueType = "variables"
	TypeDescriptors   ValueType = "descriptors"
	TypeSignal        ValueType = "signal"
	TypeAction        ValueType = "action"
	TypeArchitectures ValueType = "list of architectures"
	TypeCalls         ValueType = "list of system calls"
	TypeCapabilities  ValueType = "list of capabilities"
	TypeNamespaces    ValueType = "list of namespaces"
	TypeProtections   ValueType = "list of protections"
	TypeRlimits       ValueType = "limits"
	TypeResources     ValueType = "resources"
	TypeMap           ValueType = "map"         // with the keys of Holds
	TypeMaps          ValueType = "map of maps" // names that the author chooses, each a map with the keys of Holds
	TypeMapList       ValueType = "list of maps"
	TypeWordOrMap     ValueType = "word or map" // a word of Choices, or a map with the keys of Holds
	TypeChoice        ValueType = "word"        // one of Choices
	TypeTrue          ValueType = "true"
	TypeExpression    ValueType = "expression"
	TypeInteger       ValueType = "number, perhaps negative"
	TypeOffset        ValueType = "duration, perhaps negative"
	TypeCPUs          ValueType = "list of processors"
	TypePorts         ValueType = "list of ports"
	TypeScopes        ValueType = "list of scopes"
	TypeProcPaths     ValueType = "list of paths in proc"
	TypeRates         ValueType = "rates of disks"
)

// Choices returns the words that a key takes, nil when they are not a short list.
func (k Key) Choices() []string {
	switch k.In + "." + k.Name {
	case "a module.restart", "restart.policy":
		return []string{"no", "on-failure", "always"}
	case "a module.listener_protocol":
		return []string{"systemd", "nginx"}
	case "update_config.order":
		return []string{"stop-first", "start-first"}
	case "network.mode":
		return []string{"none", "loopback", "host"}
	case "a filesystem entry.access":
		return []string{"r", "rx", "rw", "rwx"}
	case "a filesystem entry.proc":
		return []string{"all", "pid"}
	case "a filesystem entry.hidepid":
		return hideChoices()
	case "a filesystem entry.cgroup":
		return []string{"own"}
	case "a filesystem entry.control":
		return []string{"self"}
	case "a filesystem entry.dev":
		return []string{"minimal"}
	}
	return nil
}

// KeysOf returns the keys of one map in the order in which a policy is laid out.
func KeysOf(in string) []Key {
	var keys []Key
	for _, k := range Language() {
		if k.In == in {
			keys = append(keys, k)
		}
	}
	return keys
}

// Vocabulary returns the words that the language takes for values of a type, nil for a type that has no such list. Those that are
// system calls and groups are in the Catalog.
func Vocabulary(t ValueType) []string {
	var words []string
	switch t {
	case TypeCapabilities:
		words = slices.Clone(capabilityNames[:])
	case TypeNamespaces:
		for _, k := range namespaceNames {
			words = append(words, k.name)
		}
	case TypeProtections:
		words = protections()
	case TypeRlimits:
		for _, k := range rlimitKinds {
			words = append(words, k.name)
		}
	case TypeResources:
		words = ResourceKeys()
	case TypeScopes:
		words = scopeNames()
	case TypeSignal:
		words = signalNames()
	case TypeArchitectures:
		words = []string{"native"}
	}
	return words
}

// RlimitType returns what the value of a resource limit is.
func RlimitType(name string) ValueType {
	for _, k := range rlimitKinds {
		if k.name == name && k.unit == byteUnit {
			return TypeSize
		} else if k.name == name && (k.unit == secondUnit || k.unit == microUnit) {
			return TypeDuration
		}
	}
	return TypeNumber
}
