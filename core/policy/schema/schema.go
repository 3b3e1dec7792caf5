package schema

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bulkhead/bulkhead/sandbox/policy"
)

// object is a JSON object; encoding/json writes its keys sorted.
type object = map[string]any

// JSON returns the schema of policies that are checked with a catalog, indented, with a final newline; the same bytes every time.
func JSON(catalog policy.Catalog) []byte {
	top := mapOf("the policy", false)
	top["$schema"] = "http://json-schema.org/draft-07/schema#"
	top["title"] = "Bulkhead policy"
	top["definitions"] = definitions(catalog)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil { // maps, lists and strings only
		panic("schema: a bug of ours, please report it: " + err.Error())
	}
	return b.Bytes()
}

// definitions has every map of the language, whole and as a part of one, and every type of value that is not a map.
func definitions(catalog policy.Catalog) object {
	all := object{}
	for _, k := range policy.Language() {
		for _, part := range []bool{false, true} {
			all[name(k.In, part)] = mapOf(k.In, part)
		}
		if s := typeOf(k.Type, catalog); s != nil {
			all[string(k.Type)] = s
		}
	}
	return all
}

// name returns the definition of a map; with part that of one which may lack what another part has.
func name(in string, part bool) string {
	in = strings.TrimPrefix(strings.TrimPrefix(in, "an "), "a ")
	if part {
		return "part of " + in
	}
	return in
}

func reference(definition string) object {
	return object{"$ref": "#/definitions/" + strings.ReplaceAll(definition, " ", "%20")}
}

// mapOf returns what a map of the language is.
func mapOf(in string, part bool) object {
	properties, required := object{}, []string{}
	for _, k := range policy.KeysOf(in) {
		properties[k.Name] = described(valueOf(k, part), k)
		if k.Required && !part {
			required = append(required, k.Name)
		}
	}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	if in == "a test" { // it is about one thing, of which something is expected
		s["oneOf"] = []any{needs("call", "expect"), needs("trace", "expect"), needs("subset_of")}
		properties["expect"] = anyOf(object{"const": "allowed"}, reference(string(policy.TypeAction)))
	}
	return s
}

func needs(keys ...string) object { return object{"required": keys} }

// described adds what an editor shows. What stands beside a reference is not read in draft-07, hence allOf.
func described(s object, k policy.Key) object {
	text := k.Text
	if k.Range != "" {
		text += " " + strings.ToUpper(k.Range[:1]) + k.Range[1:] + "."
	}
	if k.Default != "" {
		text += " Default: " + k.Default + "."
	}
	if k.Kernel != "" {
		text += " Linux " + k.Kernel + "."
	}
	return object{"allOf": []any{s}, "description": text + "\n\n" + k.Example}
}

// valueOf returns what the value of a key is.
func valueOf(k policy.Key, part bool) object {
	switch k.Type {
	case policy.TypeMap:
		return reference(name(k.Holds, part))
	case policy.TypeMaps:
		s := object{"type": "object", "propertyNames": object{"pattern": `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`}, "additionalProperties": named(k)}
		if k.Required {
			s["minProperties"] = 1
		}
		return s
	case policy.TypeMapList:
		return object{"type": "array", "items": reference(name(k.Holds, false))}
	case policy.TypeUser:
		return anyOf(reference(string(policy.TypeAccount)), reference(name(k.Holds, false)))
	case policy.TypeWordOrMap:
		return anyOf(words(k.Choices()), reference(name(k.Holds, part)))
	case policy.TypeChoice:
		return orVariable(words(k.Choices()))
	}
	return reference(string(k.Type))
}

// named returns what stands under a name that the author chose. A module that extends others is a part itself.
func named(k policy.Key) object {
	switch {
	case k.Name == "profiles":
		return reference(name(k.Holds, true))
	case k.Holds == "a module":
		return object{"if": object{"required": []string{"extends"}},
			"then": reference(name(k.Holds, true)), "else": reference(name(k.Holds, false))}
	}
	return reference(name(k.Holds, false))
}
