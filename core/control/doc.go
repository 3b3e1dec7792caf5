// Package control serves the control API, HTTP and JSON on a unix socket, and is its client.
//
//	s, err := control.NewServer(kernel, control.Options{Owner: owner})
//	metrics := control.Metrics(manager, control.MetricsOptions{})
//	_, err = s.Add(control.Listener{FD: fd, Handler: control.API(manager, metrics)})
//	_, err = s.Add(control.Listener{FD: tcp, Handler: metrics.Handler(), Access: control.Anybody})
//	key, err := s.Add(control.Listener{FD: own, Handler: control.Self(manager, instance), Access: control.Anybody})
//	…
//	err = s.Close(ctx)
//
// What can be asked is described in openapi.yaml, which the server also hands out (GET /v1/openapi.yaml). The same API serves the
// commands of the supervisor, the demo's page and
//
//	curl --unix-socket /run/bulkhead/control.sock http://supervisor/v1/status
//
// # Who may ask
//
// The kernel says who made a connection (SO_PEERCRED). Root and the owner, the user who started the supervisor, may ask for everything;
// anybody else is answered with status 403, whatever the permissions of the socket's path are. A module's own socket ([Self]) answers
// whoever can reach it, which is the module, about itself only.
//
// # Bounds
//
// A body has at most 64 KiB, headers 16 KiB, and both must have arrived within seconds. A listener serves 64 connections, of which 32
// may follow events or lines; a few more are answered with status 503, and what comes on top of them is closed. Sixteen
// commands are carried out or wait at a time. A command goes on when the client that sent it goes away. A connection over which
// descriptors come is closed.
//
// # Limits
//
//   - A peer is known by the user that it had when it connected: a program that passes a connected descriptor on passes the right on.
//   - Seen from inside a user namespace, users of the host that have no number there all look alike. They are refused, host root
//     included; the owner has a number.
//   - net/http answers what is no HTTP at all by itself, in plain text: status 400 for junk, 431 for headers that are too long.
//   - Nothing keeps root from filling the places with connections of its own.
//
//posixvet:leak os.NewFile, os.File.Close, net.FileConn, net.UnixConn.ReadMsgUnix, net.UnixConn.CloseWrite: net/http takes a net.Conn, made of what we accepted
//posixvet:leak net/http.*: reads and writes connections that we accepted, and the client's own
//posixvet:leak net.Dialer.DialContext: the client connects as net/http wants it, in commands and not in the supervisor
package control
