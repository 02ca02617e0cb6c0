package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spinneyio/est/bench/internal/usage"
)

// Stat is what a server has used since it began.
type Stat struct {
	CPU          usage.CPU
	Allocs       uint64
	Heap, Stacks uint64 // bytes in use
	Resident     int64  // bytes
	Goroutines   int
	Tries        int64 // commits to the store
}

// env is what a kind of server is made with, and what it tells about itself.
type env struct {
	listener net.Listener
	redis    string       // address; "" without
	conns    atomic.Int64 // that are where they belong
	tries    atomic.Int64
	open     func() int64 // default: conns
	sum      func() int64 // default: 0
}

// Main runs a server of a kind. redis is the address of a Redis, if it needs one.
func Main(kind, redis string) error {
	start := kinds[kind]
	if start == nil {
		return fmt.Errorf("server: there is no kind %q, only %q", kind, slices.Sorted(maps.Keys(kinds)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e := &env{listener: listener, redis: redis, sum: func() int64 { return 0 }}
	e.open = e.conns.Load
	serve, err := start(e)
	if err != nil {
		return fmt.Errorf("server: %s: %w", kind, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve() }()
	go func() { ended <- e.answer() }()
	fmt.Println("READY", listener.Addr())
	return <-ended
}

// answer answers lines until there are none.
func (e *env) answer() error {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		what, arg, _ := strings.Cut(lines.Text(), " ")
		var answer any
		switch what {
		case "stat":
			answer = e.stat()
		case "free":
			debug.FreeOSMemory()
			debug.FreeOSMemory() // what the first one's finalizers and pools let go
			answer = e.stat()
		case "open":
			answer = e.open()
		case "sum":
			answer = e.sum()
		case "profile":
			f, err := os.Create(arg)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
		case "profiled":
			pprof.StopCPUProfile()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (e *env) stat() Stat {
	s := Stat{CPU: usage.Self(), Resident: usage.Resident(), Goroutines: runtime.NumGoroutine(), Tries: e.tries.Load()}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Allocs, s.Heap, s.Stacks = m.Mallocs, m.HeapAlloc, m.StackInuse
	return s
}

// must ends the server. Nothing that it is for is expected to happen.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}
