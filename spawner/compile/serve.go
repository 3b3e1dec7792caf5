package compile

import (
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/bulkhead/bulkhead/posix"
	"github.com/bulkhead/bulkhead/sandbox"
	"github.com/bulkhead/bulkhead/sandbox/host"
	"github.com/bulkhead/bulkhead/sandbox/policy"
	"github.com/bulkhead/bulkhead/spawner/wire"
)

// Channel is the descriptor on which the compile process finds its parent.
const Channel posix.FD = 3

// Serve is the compile process: it takes one request from the channel, and returns one plan, whose filters choose makes.
func Serve(k posix.Files, choose Chooser) error {
	// It lives for milliseconds: until it has used a lot of memory, what it could give back is not worth the search.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(softMemory)
	return serve(choose, channel{k, Channel})
}

// softMemory is how much memory the process uses before it looks for some to give back, in bytes.
const softMemory = 128 << 20

func serve(choose Chooser, c channel) error {
	_, body, err := c.receive()
	if err != nil {
		return fmt.Errorf("receive the request: %w", err)
	}
	req, err := decodeRequest(body)
	if err != nil {
		return fmt.Errorf("decode the request: %w", err)
	}
	s := &server{channel: c, request: req, filters: newFilters(choose), answers: map[question]answer{}, texts: map[string][]byte{}}
	if err := c.send(framePlan, s.plan().Encode()); err != nil {
		return fmt.Errorf("send the plan: %w", err)
	}
	return nil
}

type server struct {
	channel channel
	request Request
	filters *filters
	answers map[question]answer // those that there are: nothing is asked twice
	texts   map[string][]byte   // of all files, by the name in positions
	users   sandbox.Users
}

// plan parses and compiles everything, collecting all diagnostics.
func (s *server) plan() wire.Plan {
	var p wire.Plan
	var text, machine strings.Builder
	var all policy.Diagnostics
	for _, f := range s.parseAll() {
		ds := s.compileFile(&p, f)
		all = append(all, ds...)
		if err := policy.RenderFiles(&text, ds, func(file string) []byte { return s.texts[file] }); err != nil {
			panic(err) // a strings.Builder takes everything
		}
	}
	all = append(all, s.collisions(&p, &text)...)
	if err := policy.RenderJSON(&machine, all); err != nil {
		panic(err)
	}
	p.Diagnostics, p.Rendered, p.JSON = all, text.String(), machine.String()
	if all.HasErrors() {
		p.Listeners, p.Modules = nil, nil
	}
	return p
}

// compileFile adds the listeners and modules of one file.
func (s *server) compileFile(p *wire.Plan, f parsed) policy.Diagnostics {
	pol, ds := f.policy, f.findings
	if pol == nil || s.request.CheckOnly {
		return ds
	}
	p.Listeners = append(p.Listeners, pol.Listeners...)
	modules, problem := s.choose(pol)
	ds = append(ds, problem...)
	s.filters.begin(modules) // they take as long as the answers about the host do
	results, problems := make([]*wire.Module, len(modules)), make([]policy.Diagnostics, len(modules))
	var compiled sync.WaitGroup
	for i, m := range modules {
		asked := make(chan struct{})
		mine := turn{server: s, end: sync.OnceFunc(func() { close(asked) })}
		compiled.Go(func() {
			defer mine.end()
			req := sandbox.Request{Policy: pol, Module: m, Host: mine, Filters: mine, Users: &s.users, Trial: s.request.Trial,
				KeepsUser: m.Name == managerModule && m.Pos.File == managerSource}
			if s.request.Exec {
				req.Alone = true
				req.Command, req.Environment, req.Terminal = s.request.Command, s.request.Environment, s.request.Terminal
				req.Descriptors = s.request.Descriptors
			}
			var res *sandbox.Result
			if res, problems[i] = sandbox.Compile(req); res != nil {
				results[i] = module(m, res)
			}
		})
		<-asked
	}
	compiled.Wait()
	for i, m := range results {
		ds = append(ds, problems[i]...)
		if m != nil {
			p.Modules = append(p.Modules, *m)
		}
	}
	return ds
}

// turn is what the compilation of a module sees of the server. Only one of them asks about the host at a time, in the order of the modules:
// so a dynamic user is one that no module before has, and the questions of a request are always the same ones in the same order. A module asks
// nothing more once it wants its filter ([sandbox.Filters]); what is left is done while the next one asks.
type turn struct {
	*server
	end func() // ends the turn; more than once is fine
}

// Module implements [sandbox.Filters].
func (t turn) Module(section policy.Seccomp) (sandbox.Filter, error) {
	t.end()
	return t.filters.Module(section)
}

// Init implements [sandbox.Filters].
func (t turn) Init(calls []string) (sandbox.Filter, error) { return t.filters.Init(calls) }

func module(m policy.Module, res *sandbox.Result) *wire.Module {
	r, h := m.Restart, m.Health
	out := &wire.Module{
		Name: m.Name, Pos: m.Pos, User: res.User, Replicas: m.Replicas.V, UpdateOrder: m.UpdateOrder.V,
		Restart: wire.Restart{Policy: r.Policy.V, Delay: r.Delay.V, MaxDelay: r.MaxDelay.V, Burst: r.Burst.V, Window: r.Window.V, ResetAfter: r.ResetAfter.V},
		Health: wire.Health{Kind: h.Kind.V, Addr: h.Addr, Interval: h.Interval.V, Timeout: h.Timeout.V, Retries: h.Retries.V,
			StartTimeout: h.StartTimeout(), Watchdog: h.Watchdog.V},
		StopSignal: m.StopSignal.V, StopGracePeriod: m.StopGracePeriod.V, Resources: res.Resources, Program: res.Program, Init: res.Init,
		Enforcement: res.Enforcement, Sections: m.Sections(), Digest: wire.Digest(res.Program, res.Init),
	}
	for _, v := range m.Command {
		out.Command = append(out.Command, v.V)
	}
	for _, l := range m.Listeners {
		if !l.Own() {
			out.Listeners = append(out.Listeners, l.Name)
		}
	}
	for _, b := range m.BestEffort {
		out.BestEffort = append(out.BestEffort, b.V)
	}
	return out
}

// choose returns the modules that the request is about.
func (s *server) choose(pol *policy.Policy) ([]policy.Module, policy.Diagnostics) {
	names := make([]string, len(pol.Modules))
	for i, m := range pol.Modules {
		if names[i] = m.Name; m.Name == s.request.Module {
			return []policy.Module{m}, nil
		}
	}
	help := ""
	switch {
	case s.request.Module == "" && (!s.request.Exec || len(pol.Modules) == 1):
		return pol.Modules, nil
	case s.request.Module == "":
		help = "choose one with --module"
	}
	message := "the policy has several modules: " + strings.Join(names, ", ")
	if help == "" {
		message = fmt.Sprintf("module %q is not defined; defined: %s", s.request.Module, strings.Join(names, ", "))
	}
	return nil, policy.Diagnostics{{Code: "E640", Message: message, Help: help, Pos: policy.Pos{File: pol.File, Line: 1, Col: 1}, Width: 1}}
}

// collisions reports names that two files define.
func (s *server) collisions(p *wire.Plan, text *strings.Builder) policy.Diagnostics {
	var ds policy.Diagnostics
	report := func(what, name string, first, second policy.Pos) {
		d := policy.Diagnostic{Code: "E641", Message: fmt.Sprintf("%s %q is defined in %s too", what, name, first.File), Pos: second, Width: 1}
		if first == second {
			d.Message = fmt.Sprintf("%s %q comes twice, because two policies include this file", what, name)
			d.Help = "include it in one of them, or leave only profiles in what several policies include"
		}
		if err := policy.RenderFiles(text, policy.Diagnostics{d}, func(file string) []byte { return s.texts[file] }); err != nil {
			panic(err) // a strings.Builder takes everything
		}
		ds = append(ds, d)
	}
	listeners := map[string]policy.Pos{}
	for _, l := range p.Listeners {
		if first, ok := listeners[l.Name]; ok {
			report("listener", l.Name, first, l.Pos)
		}
		listeners[l.Name] = l.Pos
	}
	modules := map[string]policy.Pos{}
	for _, m := range p.Modules {
		if first, ok := modules[m.Name]; ok {
			report("module", m.Name, first, m.Pos)
		}
		modules[m.Name] = m.Pos
	}
	for _, d := range sameUsers(p.Modules) {
		fmt.Fprintln(text, d)
		ds = append(ds, d)
	}
	return ds
}

// refusal is an answer that is an error.
type refusal struct{ why, help string }

func (r *refusal) Error() string { return r.why }

// Help is for [policy.Options].
func (r *refusal) Help() string { return r.help }

// ask sends a question to the spawner, unless it is answered already. All modules of a request see the same host.
func (s *server) ask(kind byte, name string) (answer, error) {
	q := question{Kind: kind, Name: name}
	a, known := s.answers[q]
	if !known {
		if err := s.channel.send(frameQuestion, q.encode()); err != nil {
			return answer{}, err
		}
		_, body, err := s.channel.receive()
		if err != nil {
			return answer{}, err
		}
		if a, err = decodeAnswer(body); err != nil {
			return answer{}, err
		}
		s.answers[q] = a
	}
	if a.Error != "" {
		return answer{}, &refusal{a.Error, a.Help}
	}
	return a, nil
}

// Facts, File, Head, User, Group, Disk and Weighing implement [sandbox.Host].
func (s *server) Facts() host.Facts { return s.request.Facts }

func (s *server) File(path string) (sandbox.File, error) {
	a, err := s.ask(askFile, path)
	return a.File, err
}

func (s *server) Head(path string) (sandbox.File, []byte, error) {
	a, err := s.ask(askHead, path)
	return a.File, a.Head, err
}

func (s *server) User(name string) (sandbox.User, bool, error) {
	a, err := s.ask(askUser, name)
	return a.User, a.Found, err
}

func (s *server) Group(name string) (posix.GID, bool, error) {
	a, err := s.ask(askGroup, name)
	return a.GID, a.Found, err
}

func (s *server) Disk(name string) (host.Disk, error) {
	a, err := s.ask(askDisk, name)
	return a.Disk, err
}

func (s *server) Weighing(mount string) (host.Weighing, error) {
	a, err := s.ask(askWeights, mount)
	return a.Weighing, err
}
