package mocks_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"go.uber.org/mock/gomock"

	"github.com/bulkhead/bulkhead/mocks"
	"github.com/bulkhead/bulkhead/posix"
)

// readAll is code under test: it takes the narrowest interface it needs.
func readAll(files posix.Files, fd posix.FD) (string, error) {
	var text []byte
	buf := make([]byte, 8)
	for {
		n, err := files.Read(fd, buf)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read descriptor %d: %w", fd, err)
		}
		if n == 0 {
			return string(text), nil
		}
		text = append(text, buf[:n]...)
	}
}

// A mock injects what the kernel seldom does: a signal in the middle of a read, and a disk that fails.
func Example() {
	ctrl := gomock.NewController(reporter{}) // in a test, the *testing.T
	files := mocks.NewFiles(ctrl)
	gomock.InOrder(
		files.EXPECT().Read(posix.FD(5), gomock.Any()).DoAndReturn(func(_ posix.FD, p []byte) (int, error) {
			return copy(p, "half"), nil
		}),
		files.EXPECT().Read(posix.FD(5), gomock.Any()).Return(0, syscall.EINTR),
		files.EXPECT().Read(posix.FD(5), gomock.Any()).Return(0, nil),
		files.EXPECT().Read(posix.FD(5), gomock.Any()).Return(0, syscall.EIO),
	)
	fmt.Println(readAll(files, 5))
	fmt.Println(readAll(files, 5))
	ctrl.Finish()
	// Output:
	// half <nil>
	//  read descriptor 5: input/output error
}

// reporter stands for *testing.T, which an example has not.
type reporter struct{}

func (reporter) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (reporter) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...); os.Exit(1) }
