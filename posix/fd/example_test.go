package fd_test

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/posix/fd"
	"github.com/bulkhead/bulkhead/posix/linux"
)

func ExamplePoller_Stream() {
	core := linux.New()
	poller, err := fd.NewPoller(core)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, w, err := core.Pipe2(unix.O_CLOEXEC)
	if err != nil {
		fmt.Println(err)
		return
	}
	reader, _ := poller.Stream(r)
	writer, _ := poller.Stream(w)
	go func() {
		_, _ = io.WriteString(writer, "hello")
		_ = writer.Close()
	}()
	text, err := io.ReadAll(reader)
	fmt.Println(string(text), err)
	fmt.Println(len(poller.Set().Leaks()), "still open")
	_ = reader.Close()
	fmt.Println(len(poller.Set().Leaks()), "still open", poller.Close())
	// Output:
	// hello <nil>
	// 1 still open
	// 0 still open <nil>
}
