package gws_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/spinneyio/est/transport"
	"github.com/spinneyio/est/transport/gws"
)

const idleConnections = 4000

// BenchmarkIdle measures what an idle connection costs the server, in a process
// that has the server's ends only. One run is enough: -benchtime 1x.
func BenchmarkIdle(b *testing.B) {
	for _, server := range []struct {
		name    string
		handler http.Handler
	}{
		{"plain", plain()},
		{"est", gws.Handler(echo(func(c transport.Conn) transport.Session { return directEcho{c} }), nil)},
	} {
		for name, say := range map[string]string{"silent": "0", "one message each": "1"} {
			b.Run(server.name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					benchmarkIdle(b, server.handler, say)
				}
			})
		}
	}
}

func benchmarkIdle(b *testing.B, h http.Handler, say string) {
	server := httptest.NewServer(h)
	defer server.Close()
	goroutines, before := runtime.NumGoroutine(), usage()
	clients := exec.Command(os.Args[0])
	clients.Env = append(os.Environ(), "EST_TEST_DIAL="+server.Listener.Addr().String(), "EST_TEST_SAY="+say)
	clients.Stderr = os.Stderr
	hold, err := clients.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	ready, err := clients.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	if line, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		b.Fatalf("the clients said %q, %v", line, err)
	}
	after := usage()
	for n, unit := range []string{"heap-B/conn", "stack-B/conn", "RSS-B/conn"} {
		b.ReportMetric(float64(after[n]-before[n])/idleConnections, unit)
	}
	if err := hold.Close(); err != nil {
		b.Fatal(err)
	}
	if err := clients.Wait(); err != nil {
		b.Fatal(err)
	}
	for runtime.NumGoroutine() > goroutines { // they must not weigh on the next measurement
		runtime.Gosched()
	}
}

// usage is the bytes of heap, stacks, and the resident set where /proc tells.
func usage() (u [3]int) {
	debug.FreeOSMemory() // collects too
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u[0], u[1] = int(m.HeapAlloc), int(m.StackInuse)
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int
		if _, err := fmt.Sscan(string(text), &size, &resident); err == nil {
			u[2] = resident * os.Getpagesize()
		}
	}
	return u
}

// TestMain runs the tests, or holds the clients of BenchmarkIdle until stdin ends.
func TestMain(m *testing.M) {
	address := os.Getenv("EST_TEST_DIAL")
	if address == "" {
		os.Exit(m.Run())
	}
	t := &testing.B{} // for open, which fails by it
	held := make([]*client, idleConnections)
	for n := range held {
		c, err := net.Dial("tcp", address)
		if err != nil {
			panic(err)
		}
		client := open(t, c, "", "")
		held[n] = client
		if n, _ := strconv.Atoi(os.Getenv("EST_TEST_SAY")); n > 0 {
			if err := client.Send("hello"); err != nil {
				panic(err)
			}
			if _, err := client.Receive(); err != nil {
				panic(err)
			}
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, at the latest
	runtime.KeepAlive(held)              // a socket that nobody refers to is closed
}
