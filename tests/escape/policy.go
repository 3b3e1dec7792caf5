package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// policy writes the policy NAME, once, and returns its path. Policies of ours have ${NAME} for what is in this run only; in those
// that ship our program is added to the files.
func (s *stage) policy(name string) (string, error) {
	if path, ok := s.policies[name]; ok {
		return path, nil
	}
	from, ships := filepath.Join(s.root, "tests/escape/testdata", name+".yaml"), false
	if _, err := os.Stat(from); err != nil {
		from, ships = filepath.Join(s.root, "policies", name+".yaml"), true
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("there is no policy %s: %w", name, err)
	}
	out := s.fill(string(text))
	if ships {
		out = s.adapt(string(text), filepath.Dir(from))
	}
	path := s.path("policies", strings.ReplaceAll(name, "/", "-")+".yaml")
	if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
		return "", err
	}
	s.policies[name] = path
	return path, nil
}

// fill puts this run's paths and user into a policy of ours.
func (s *stage) fill(text string) string {
	text = strings.NewReplacer(s.variables...).Replace(text)
	return strings.NewReplacer("${VICTIM}", s.victim, "${READ}", s.path("read"), "${WRITE}", s.path("write"), "${STAGE}", s.dir, "${USER}", s.user).Replace(text)
}

// adapt lets a policy that ships run the victim. Nothing else is changed but what has no meaning for one command.
func (s *stage) adapt(text, dir string) string {
	text = strings.Replace(text, "    filesystem:\n", fmt.Sprintf("    filesystem:\n      - {path: %s, access: rx}\n", s.victim), 1)
	text = strings.ReplaceAll(text, "{path: /opt/app, access: rx}", "{path: /opt/app, access: rx, if_exists: true}")
	text = strings.ReplaceAll(text, "${POLICY_DIR}", dir)
	// The daemons themselves need not be installed: it is not they that attack.
	text = regexp.MustCompile(`\{path: (/[^,}]*), access: [rwx]+\}`).ReplaceAllStringFunc(text, func(entry string) string {
		path, _, _ := strings.Cut(strings.TrimPrefix(entry, "{path: "), ",")
		if _, err := os.Stat(path); err != nil {
			return strings.TrimSuffix(entry, "}") + ", if_exists: true}"
		}
		return entry
	})
	// exec starts no supervisor that would hold listening sockets: an attack is given one as its standard input.
	text = regexp.MustCompile(`(?m)^listeners:.*\n(  .*\n)+`).ReplaceAllString(text, "")
	for _, key := range []string{"listeners", "listener_protocol", "update_config"} {
		text = regexp.MustCompile(`(?m)^    `+key+`:.*\n`).ReplaceAllString(text, "")
	}
	return strings.ReplaceAll(text, "{path: nginx/", "{path: "+dir+"/nginx/")
}
