// Package load asks an HTTP server as fast as it answers, and sees every failure.
//
// net/http's client asks again by itself when a connection that it kept turns out to be closed, and so hides what a reload must not do. Here
// each worker writes requests to a connection of its own and reads the responses from it; a request is made once, and what became of it is
// counted: answered, or one Kind of failure. Nothing is repeated.
//
//	result, err := load.Run(ctx, load.Options{Network: "tcp", Address: "127.0.0.1:8080", Method: "POST", Path: "/echo", BodySize: 100,
//		EchoBody: true, KeepAlive: true, Workers: 8, Count: 200_000})
//	if result.Failed() > 0 {
//		fmt.Println(result)
//	}
//
// RunWrk runs wrk, whose errors it reads from wrk's report.
//
// # Limits
//
// HTTP/1.1 without TLS, one request at a time on a connection. A worker waits for its answer before it asks again, so a server that stalls
// is asked less, and percentiles are those of what was asked. They are read from a histogram whose buckets are 3 % wide.
//
//posixvet:exempt a part of tests: it makes load with net/http
package load
