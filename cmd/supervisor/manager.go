package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkhead/bulkhead/cmd/supervisor/internal/invoke"
	"github.com/bulkhead/bulkhead/core"
	"github.com/bulkhead/bulkhead/core/control"
	"github.com/bulkhead/bulkhead/core/logs"
	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/posix/linux"
	"github.com/bulkhead/bulkhead/posix/metrics"
	"github.com/bulkhead/bulkhead/posix/stack"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// managerRole is the first argument that makes this program the manager. policies/manager.yaml names it.
const managerRole = "role:manager"

// The manager is idle nearly always, and is to be small then.
const (
	managerGarbage = 40       // percent of live memory that garbage may take before it is collected
	managerMemory  = 48 << 20 // bytes from which on it is collected more often; the policy's limit is beyond
	managerThreads = 2        // goroutines that run at the same time
)

// Descriptors that the spawner gives to the manager.
const (
	managerChannel posix.FD = iota
	managerStdout
	managerStderr
)

// runManager is the manager's process. It ends when the spawner closes the channel.
func runManager() int {
	debug.SetGCPercent(managerGarbage)
	debug.SetMemoryLimit(managerMemory)
	runtime.GOMAXPROCS(min(managerThreads, runtime.GOMAXPROCS(0)))
	// Signals are for the spawner, which says what is to be done; and a log that nobody reads any more is an error of a write.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	level := &slog.LevelVar{}
	layers := stack.New(linux.New(), stack.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), Level: level,
	})
	posix.Use(layers)
	r, err := core.New(core.Config{
		Kernel: posix.Active(), Channel: managerChannel, Stdout: managerStdout, Stderr: managerStderr, PID: int(posix.Active().Getpid()),
		Random: rand.Reader, Jitter: mathrand.Float64, Level: level,
		Serve: func(r *core.Runtime, s core.Service) (core.Server, error) {
			return serveControl(posix.Active(), layers.Counts(), r, s)
		},
	})
	if err == nil {
		err = r.Run()
	}
	if err != nil {
		// Where nobody reads, this process has waited for long enough.
		_, _ = fmt.Fprintln(logs.NewSink(&patient{Output: linux.New(), stuck: true}, managerStderr, false, func(logs.Loss) {}), "supervisor: manager:", err)
		return invoke.StatusFailed
	}
	return invoke.StatusDone
}

// managerServer serves the control API, the modules' own sockets and the metrics.
type managerServer struct {
	manager *core.Runtime
	server  *control.Server
	log     *slog.Logger
	own     map[wire.InstanceID]control.Key // sockets of instances
	cancel  context.CancelFunc
	counter sync.WaitGroup
}

// serveControl begins to serve a manager.
func serveControl(kernel posix.Core, counts *metrics.Core, r *core.Runtime, s core.Service) (core.Server, error) {
	owner := posix.UID(s.Options.Owner)
	server, err := control.NewServer(kernel, control.Options{Owner: owner, Event: r.Observe, Log: s.Log,
		Mapped: owner == kernel.Geteuid()}) // the manager has a user of its own, unless there is but one
	if err != nil {
		err = errors.Join(err, kernel.Close(s.Control))
		if s.Metrics >= 0 {
			err = errors.Join(err, kernel.Close(s.Metrics))
		}
		return nil, err
	}
	exposition := control.Metrics(r, control.MetricsOptions{Own: counts.Collector("manager"), Remote: newSpawnerCalls(), Order: metrics.OpFirst, Log: s.Log})
	ctx, cancel := context.WithCancel(context.Background())
	m := &managerServer{manager: r, server: server, log: s.Log, own: map[wire.InstanceID]control.Key{}, cancel: cancel}
	m.counter.Go(func() { exposition.Count(ctx) })
	m.counter.Go(func() { restAfterEvents(ctx, r.Events, func() { shrink(kernel, s.Log) }) })
	_, err = server.Add(control.Listener{FD: s.Control, Handler: control.API(r, exposition)})
	if s.Metrics >= 0 {
		_, also := server.Add(control.Listener{FD: s.Metrics, Handler: exposition.Handler(), Access: control.Anybody})
		err = errors.Join(err, also)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// OpenSelf implements [core.Server].
func (m *managerServer) OpenSelf(id wire.InstanceID, fd posix.FD) {
	key, err := m.server.Add(control.Listener{FD: fd, Handler: control.Self(m.manager, id), Access: control.Anybody, Connections: selfConnections})
	if err != nil {
		m.log.Error("an instance cannot ask about itself", "instance", uint64(id), "error", err)
		return
	}
	m.own[id] = key
}

// selfConnections is how many connections an instance can have to its own socket.
const selfConnections = 8

// CloseSelf implements [core.Server].
func (m *managerServer) CloseSelf(id wire.InstanceID) {
	if key, ok := m.own[id]; ok {
		delete(m.own, id)
		m.server.Drop(key)
	}
}

// farewellTime is how long an answer that is being given may take when the manager ends. The spawner waits for three seconds.
const farewellTime = 300 * time.Millisecond

// Close implements [core.Server].
func (m *managerServer) Close() error {
	m.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), farewellTime)
	defer cancel()
	err := m.server.Close(ctx)
	m.counter.Wait()
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // who was still being answered has been cut off, which is what ending means
	}
	return err
}
