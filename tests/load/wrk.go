package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// WrkOptions are those of wrk that matter here.
type WrkOptions struct {
	URL         string
	Threads     int // default 1
	Connections int // default 8
	For         time.Duration
	KeepAlive   bool // otherwise every request says Connection: close
}

// WrkResult is what wrk reports.
type WrkResult struct {
	Requests int64 // answered
	// Errors of sockets. wrk says nothing about what was lost when it ended.
	Connect, Read, Write, Timeout int64
	NotOK                         int64 // answers that are neither 2xx nor 3xx
}

// Failed returns all errors together.
func (r WrkResult) Failed() int64 { return r.Connect + r.Read + r.Write + r.Timeout + r.NotOK }

// RunWrk runs wrk, which counts in whole seconds. ctx kills it, which is an error: there is no report then.
func RunWrk(ctx context.Context, o WrkOptions) (WrkResult, error) {
	args, err := o.args()
	if err != nil {
		return WrkResult{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return WrkResult{}, fmt.Errorf("run wrk: %w\n%s%s", err, out, stderr.Bytes())
	}
	return ParseWrk(string(out))
}

func (o WrkOptions) args() ([]string, error) {
	if o.URL == "" || o.For < time.Second || o.For%time.Second != 0 || o.Threads < 0 || o.Connections < 0 {
		return nil, fmt.Errorf("prepare wrk: it needs an address and whole seconds, not %+v", o)
	}
	threads := max(o.Threads, 1)
	connections := o.Connections
	if connections == 0 {
		connections = 8
	}
	if connections < threads {
		return nil, fmt.Errorf("prepare wrk: %d connections for %d threads", connections, threads)
	}
	args := []string{"-t", strconv.Itoa(threads), "-c", strconv.Itoa(connections), "-d", strconv.Itoa(int(o.For/time.Second)) + "s"}
	if !o.KeepAlive {
		args = append(args, "-H", "Connection: close")
	}
	return append(args, o.URL), nil
}

var (
	wrkRequests = regexp.MustCompile(`^(\d+) requests in `)
	wrkSockets  = regexp.MustCompile(`^Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$`)
	wrkNotOK    = regexp.MustCompile(`^Non-2xx or 3xx responses: (\d+)$`)
)

// ParseWrk reads the report of wrk 4. wrk leaves out the lines about errors that did not happen, but never the number of requests.
func ParseWrk(report string) (WrkResult, error) {
	var r WrkResult
	var errs []error
	found := false
	lines := bufio.NewScanner(strings.NewReader(report))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		for _, p := range []struct {
			is *regexp.Regexp
			to []*int64
		}{
			{wrkRequests, []*int64{&r.Requests}},
			{wrkSockets, []*int64{&r.Connect, &r.Read, &r.Write, &r.Timeout}},
			{wrkNotOK, []*int64{&r.NotOK}},
		} {
			m := p.is.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			found = found || p.is == wrkRequests
			for i, to := range p.to {
				n, err := strconv.ParseInt(m[i+1], 10, 64)
				*to = n
				errs = append(errs, err)
			}
		}
		// A line about errors that is not understood must not read as no errors.
		if strings.Contains(line, "error") && !wrkSockets.MatchString(line) || strings.HasPrefix(line, "Non-") && !wrkNotOK.MatchString(line) {
			errs = append(errs, fmt.Errorf("a line that is not known: %q", line))
		}
	}
	errs = append(errs, lines.Err())
	if !found {
		errs = append(errs, errors.New("it does not say how many requests there were"))
	}
	if err := errors.Join(errs...); err != nil {
		return WrkResult{}, fmt.Errorf("read the report of wrk: %w\n%s", err, report)
	}
	return r, nil
}
