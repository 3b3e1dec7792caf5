package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestNoSymFollow follows links of a directory that is shown twice, once with nosymfollow.
func TestNoSymFollow(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "file"), "text", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "sub", "file"), "text", 0o644)
	for link, target := range map[string]string{"link": "file", "away": "/victim/none", "dirlink": "sub"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	p := policy(t, "", module{allow: everything, files: []string{
		fmt.Sprintf("{path: /plain, source: %s}", dir),
		fmt.Sprintf("{path: /strict, source: %s, nosymfollow: true}", dir),
	}})
	attackAll(t, p, []attack{
		{try: "read:/plain/file", want: "ok", control: "read:" + dir + "/file"},
		{try: "read:/plain/link", want: "ok", control: "read:" + dir + "/link"},
		{try: "read:/plain/dirlink/file", want: "ok", control: "read:" + dir + "/dirlink/file"},
		{try: "read:/plain/away", want: "ENOENT", control: "read:" + dir + "/away", answer: "ENOENT"},
		{try: "read:/strict/file", want: "ok", control: "read:" + dir + "/file"},
		{try: "read:/strict/sub/file", want: "ok", control: "read:" + dir + "/sub/file"},
		{try: "read:/strict/link", want: "ELOOP", control: "read:" + dir + "/link"},
		{try: "read:/strict/dirlink/file", want: "ELOOP", control: "read:" + dir + "/dirlink/file"},
		{try: "read:/strict/away", want: "ELOOP", control: "read:" + dir + "/away", answer: "ENOENT"}, // where it leads is not looked at
		{try: "list:/strict", want: "ok", control: "list:" + dir},
	})
}
