package load

import (
	"errors"
	"fmt"
	"time"
)

// Options say what to ask, how, and how long. Count or For must be set; with both, what comes first ends it.
type Options struct {
	Network string // "tcp" (default) or "unix"
	Address string // host:port, or a path
	Workers int    // connections at a time; default 1
	Count   int64  // requests in all, failed ones included; 0 for no limit
	For     time.Duration

	Method    string // default "GET", or "POST" with a body
	Path      string // default "/"
	BodySize  int    // bytes of a body, each request's another one; 0 for none
	EchoBody  bool   // the answer must be the body
	KeepAlive bool   // many requests on a connection; otherwise each has one of its own and says Connection: close

	Timeout time.Duration // of one request with its connect; default 10 s
	Pause   time.Duration // of a worker after a failure, so that a server that is gone is not asked a million times; default 1 ms
	Who     string        // the response header that says who answered; default "X-Instance"

	// Each is told of every answer as it should be, with who gave it, and of every request that failed; nil is not told. Workers call them
	// at the same time, and wait for them.
	Answered func(who string)
	Failed   func(Kind)
}

// complete returns options with defaults in place.
func (o Options) complete() (Options, error) {
	var errs []error
	for _, f := range []struct {
		wrong bool
		say   string
	}{
		{o.Address == "", "there is no address"},
		{o.Network != "" && o.Network != "tcp" && o.Network != "unix", fmt.Sprintf("the network is %q; it can be tcp or unix", o.Network)},
		{o.Count <= 0 && o.For <= 0, "it has no end: neither a count nor a time"},
		{o.Count < 0 || o.For < 0 || o.Workers < 0 || o.BodySize < 0 || o.Timeout < 0 || o.Pause < 0, "a number is negative"},
		{o.EchoBody && o.BodySize == 0, "no body is sent that could be echoed"},
		{o.BodySize > 0 && o.BodySize < leastBody, fmt.Sprintf("a body has %d bytes at least, so that each is another one", leastBody)},
	} {
		if f.wrong {
			errs = append(errs, errors.New(f.say))
		}
	}
	if errs != nil {
		return o, fmt.Errorf("prepare the load: %w", errors.Join(errs...))
	}
	or := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	or(&o.Network, "tcp")
	or(&o.Path, "/")
	or(&o.Who, "X-Instance")
	if o.BodySize > 0 {
		or(&o.Method, "POST")
	}
	or(&o.Method, "GET")
	o.Workers = max(o.Workers, 1)
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = time.Millisecond
	}
	return o, nil
}
