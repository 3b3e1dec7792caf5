package schema

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

const aDuration = `^([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+$`

// typeOf returns what a value of a type is, nil for the types that are maps of the language or words of one key.
func typeOf(t policy.ValueType, catalog policy.Catalog) object {
	switch t {
	case policy.TypeText:
		return text()
	case policy.TypeExpression, policy.TypePath:
		return object{"type": "string", "minLength": 1}
	case policy.TypeBool:
		return object{"type": "boolean"}
	case policy.TypeTrue:
		return object{"const": true}
	case policy.TypeVersion:
		return object{"const": 1}
	case policy.TypeNumber:
		return orVariable(object{"type": "integer", "minimum": 0})
	case policy.TypeInteger:
		return orVariable(object{"type": "integer"})
	case policy.TypeOffset:
		return pattern("^-?" + strings.TrimPrefix(aDuration, "^"))
	case policy.TypeCPUs:
		return object{"type": "array", "items": anyOf(object{"type": "integer", "minimum": 0, "maximum": 1023}, pattern(`^[0-9]{1,4}(-[0-9]{1,4})?$`))}
	case policy.TypeProcPaths:
		return object{"type": "array", "items": anyOf(object{"const": "default"}, object{"type": "string", "pattern": "^(/|.*[$])"})}
	case policy.TypePorts:
		return object{"type": "array", "items": anyOf(object{"type": "integer", "minimum": 0, "maximum": 65535}, pattern(`^[0-9]{1,5}(-[0-9]{1,5})?$`))}
	case policy.TypeKernel:
		return pattern(`^>= *[0-9]+\.[0-9]+ *$`)
	case policy.TypeDuration:
		return pattern(aDuration)
	case policy.TypeSize:
		return anyOf(pattern(`^[0-9]+[KMGT]$`), object{"const": 0})
	case policy.TypeMode:
		return pattern(`^[0-7]{1,5}$`)
	case policy.TypeAddress:
		return pattern(`^(unix:.+|(udp:)?(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5})$`)
	case policy.TypeProbeAddress:
		return pattern(`^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}$`)
	case policy.TypeAccount:
		return anyOf(pattern(`^[^ :/,-][^ :/,]{0,63}$`), object{"type": "integer", "minimum": 0, "maximum": 4294967294})
	case policy.TypeGroups:
		return object{"type": "array", "maxItems": 64, "items": reference(string(policy.TypeAccount))}
	case policy.TypeCommand:
		return object{"type": "array", "minItems": 1, "items": object{"type": "string"}}
	case policy.TypeNames:
		return anyOf(text(), object{"type": "array", "items": text()})
	case policy.TypeEnvironment:
		return anyOf(object{"type": "object", "additionalProperties": text()},
			object{"type": "array", "items": object{"type": "string", "pattern": "^[^=]+="}})
	case policy.TypeDescriptors:
		return object{"type": "object", "additionalProperties": orVariable(object{"type": "integer", "minimum": 3, "maximum": 1023})}
	case policy.TypeAction:
		return pattern(`^ *(errno +(` + strings.Join(errnos(), "|") + `|[1-9][0-9]{0,3})|kill_process|kill_thread|trap|log) *$`)
	}
	return listOf(t, catalog)
}

// listOf returns the types whose words are in the tables.
func listOf(t policy.ValueType, catalog policy.Catalog) object {
	known := policy.Vocabulary(t)
	switch t {
	case policy.TypeCalls:
		names := slices.Sorted(maps.Keys(catalog.Groups))
		names = append(names, slices.Sorted(maps.Keys(catalog.Calls))...)
		return object{"type": "array", "items": anyOf(words(names), variable(), reference(string(t)), reference(name("a rule", false)))}
	case policy.TypeCapabilities:
		for _, c := range known {
			known = append(known, "CAP_"+strings.ToUpper(c))
		}
		return list(known)
	case policy.TypeArchitectures:
		return list(append(known, catalog.Architectures...))
	case policy.TypeNamespaces, policy.TypeProtections, policy.TypeScopes:
		return list(known)
	case policy.TypeSignal:
		for _, s := range known {
			known = append(known, strings.TrimPrefix(s, "SIG"))
		}
		return anyOf(words(known), pattern(`^(SIG)?RT(MIN(\+[0-9]+)?|MAX(-[0-9]+)?)$`), object{"type": "integer", "minimum": 1, "maximum": 64})
	case policy.TypeRlimits:
		return object{"type": "object", "additionalProperties": false, "properties": rlimits(known)}
	case policy.TypeResources:
		return object{"type": "object", "additionalProperties": false, "properties": resources(known)}
	}
	return nil
}

// errnos returns the names of errors, errno(3).
func errnos() []string {
	all := []string{"EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"} // second names
	for i := unix.Errno(1); i <= unix.EHWPOISON; i++ {
		if n := unix.ErrnoName(i); n != "" {
			all = append(all, n)
		}
	}
	return all
}

func rlimits(names []string) object {
	all := object{}
	for _, n := range names {
		value := anyOf(limit(policy.RlimitType(n)), object{"const": "unlimited"})
		all[n] = anyOf(value, object{"type": "object", "additionalProperties": false, "required": []string{"soft", "hard"},
			"properties": object{"soft": value, "hard": value}})
	}
	return all
}

func limit(t policy.ValueType) object { return typeOf(t, policy.Catalog{}) }

// resources returns the files of control groups; one without a rule here is refused by a test.
func resources(names []string) object {
	all := object{}
	for _, n := range names {
		switch n {
		case "memory.max", "memory.high", "memory.swap.max":
			all[n] = anyOf(limit(policy.TypeSize), object{"const": "max"})
		case "memory.oom.group", "cpuset.cpus":
			all[n] = limit(policy.ResourceType(n))
		case "cpu.weight", "io.weight":
			all[n] = orVariable(object{"type": "integer", "minimum": 1, "maximum": 10000})
		case "io.max":
			rates := object{}
			for _, r := range policy.RateNames() {
				rates[r] = anyOf(limit(policy.RateType(r)), object{"const": "max"})
			}
			all[n] = object{"type": "object", "minProperties": 1, "maxProperties": 16, "propertyNames": object{"pattern": `^(/|[0-9]+:[0-9]+$)`},
				"additionalProperties": object{"type": "object", "minProperties": 1, "additionalProperties": false, "properties": rates}}
		case "cpu.max":
			all[n] = pattern(`^(max|[0-9]+%|([0-9]+|max) +[0-9]+)$`)
		default:
			all[n] = anyOf(limit(policy.TypeNumber), object{"const": "max"})
		}
	}
	return all
}

func anyOf(schemas ...any) object { return object{"anyOf": schemas} }

// text is what the parser takes for a string where a number is one, too.
func text() object { return object{"type": []string{"string", "number"}} }

func words(list []string) object { return object{"enum": list} }

func list(of []string) object { return object{"type": "array", "items": orVariable(words(of))} }

// variable is a value with a variable in it: what it will be is not known here.
func variable() object { return object{"type": "string", "pattern": `\$\{[^}]*\}`} }

func orVariable(s object) object { return anyOf(s, variable()) }

func pattern(p string) object { return orVariable(object{"type": "string", "pattern": p}) }
