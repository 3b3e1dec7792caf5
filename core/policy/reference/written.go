package reference

import "github.com/bulkhead/bulkhead/sandbox/policy"

// Written says how a value of a type is written; "" for a type that nobody described, which a test refuses.
func Written(t policy.ValueType) string {
	switch t {
	case policy.TypeText:
		return "a string or a number"
	case policy.TypeBool:
		return "`true` or `false`"
	case policy.TypeTrue:
		return "`true`, or nothing at all"
	case policy.TypeNumber:
		return "a decimal number without quotes"
	case policy.TypeInteger:
		return "a decimal number without quotes, perhaps with `-` before it"
	case policy.TypeOffset:
		return "a duration, perhaps with `-` before it: `-1h30m`; at most `24h`"
	case policy.TypeCPUs:
		return "a list of numbers and of ranges such as `2-3`"
	case policy.TypeProcPaths:
		return "a list of paths below the entry's, and the word `default`"
	case policy.TypePorts:
		return "a list of numbers and of ranges such as `8000-8009`"
	case policy.TypeVersion:
		return "`1`"
	case policy.TypeKernel:
		return "`\">=MAJOR.MINOR\"`"
	case policy.TypeDuration:
		return "a number with `ms`, `s`, `m` or `h`, or several: `200ms`, `1m30s`; at most `24h`"
	case policy.TypeSize:
		return "a number with `K`, `M`, `G` or `T`, powers of 1024 bytes; `0` without a unit"
	case policy.TypeMode:
		return "permission bits, octal and in quotes: `\"0660\"`"
	case policy.TypePath:
		return "a path; a relative one starts from the directory of the policy"
	case policy.TypeAddress:
		return "`\"IP:PORT\"`, `\"[IP]:PORT\"`, `\"udp:IP:PORT\"` or `\"unix:PATH\"`; a port of 0 is one that the kernel chooses"
	case policy.TypeProbeAddress:
		return "`\"IP:PORT\"` or `\"[IP]:PORT\"`"
	case policy.TypeAccount:
		return "the name or the number of a user or group"
	case policy.TypeGroups:
		return "a list of names or numbers of groups"
	case policy.TypeUser:
		return "the name or the number of a user, or a map"
	case policy.TypeCommand:
		return "a list of strings, the first a path"
	case policy.TypeNames:
		return "a name, or a list of names"
	case policy.TypeEnvironment:
		return "a map from names to values, or a list of `NAME=value`"
	case policy.TypeDescriptors:
		return "a map from names of listeners to descriptors"
	case policy.TypeSignal:
		return "a name with or without `SIG`, `RTMIN+3`, `RTMAX-1`, or a number"
	case policy.TypeAction:
		return "`errno NAME`, `errno NUMBER` (1 to 4095), `kill_process`, `kill_thread`, `trap` or `log`"
	case policy.TypeExpression:
		return "C's operators and precedence over the call's arguments, `in [a, b, c..d]` and `has`; in quotes"
	case policy.TypeCalls:
		return "a list of names of calls, `\"@groups\"`, and such lists"
	case policy.TypeRlimits:
		return "a map from limits to values in their units, `unlimited`, or `{soft: …, hard: …}`"
	case policy.TypeResources:
		return "a map from the kernel's files to values: a size, a number, a share such as `50%` or `\"50000 100000\"` (microseconds in a period), or `max`; of io.max a map from disks"
	case policy.TypeMap:
		return "a map with the keys of its section"
	case policy.TypeMaps:
		return "a map from names to such maps; a name has letters, digits, `_`, `-` and `.`, at most 64"
	case policy.TypeMapList:
		return "a list of maps with the keys of its section"
	case policy.TypeWordOrMap:
		return "one of the words, or a map with the keys of its section"
	case policy.TypeChoice:
		return "one of the words"
	case policy.TypeArchitectures, policy.TypeCapabilities, policy.TypeNamespaces, policy.TypeProtections, policy.TypeScopes:
		return "a list of the words below"
	}
	return ""
}
