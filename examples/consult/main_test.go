package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
)

// TestRun starts the program on free ports, looks at what it serves, and stops it.
func TestRun(t *testing.T) {
	server := miniredis.RunT(t)
	t.Run("memory", func(t *testing.T) { testRun(t) })
	t.Run("redis", func(t *testing.T) { testRun(t, "-redis", "redis://"+server.Addr()) })
}

func testRun(t *testing.T, args ...string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, out := io.Pipe()
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append(args, "-addr", "127.0.0.1:0", "-instances", "3"), out, &stderr)
		out.Close()
	}()

	lines := bufio.NewScanner(stdout)
	var addrs []string
	for n := range 3 {
		if !lines.Scan() {
			t.Fatalf("line %d is missing; stderr:\n%s", n+1, &stderr)
		}
		match := regexp.MustCompile(`^consult: instance ([123]) on http://(127\.0\.0\.1:\d+)$`).FindStringSubmatch(lines.Text())
		if match == nil || match[1] != string(rune('1'+n)) {
			t.Fatalf("line %d is %q", n+1, lines.Text())
		}
		addrs = append(addrs, match[2])
	}

	for _, addr := range addrs {
		for path, want := range map[string]string{
			"/":         "<title>Consult</title>",
			"/page.css": ":root",
			"/page.js":  "WebSocket",
		} {
			if body := get(t, "http://"+addr+path); !strings.Contains(body, want) {
				t.Errorf("GET %s%s does not have %q:\n%s", addr, path, want, body)
			}
		}
		var ports []json.Number
		if err := json.Unmarshal([]byte(get(t, "http://"+addr+"/instances")), &ports); err != nil {
			t.Error(err)
		}
		var listed []string
		for _, port := range ports {
			listed = append(listed, net.JoinHostPort("127.0.0.1", port.String()))
		}
		if diff := cmp.Diff(addrs, listed); diff != "" {
			t.Errorf("%s/instances (-want +got):\n%s", addr, diff)
		}
	}

	cancel()
	if lines.Scan() {
		t.Errorf("it printed more: %q", lines.Text())
	}
	if got := <-status; got != 0 {
		t.Errorf("it ended with %d, want 0; stderr:\n%s", got, &stderr)
	}
	if l, err := net.Listen("tcp", addrs[0]); err != nil {
		t.Errorf("the port is not free again: %v", err)
	} else {
		l.Close()
	}
}

func TestCommandLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()

	tests := []struct {
		name   string
		args   []string
		status int
		stdout string
		stderr string
	}{
		{"help", []string{"-h"}, 0, "-instances", ""},
		{"unknown flag", []string{"-x"}, 2, "", "not defined: -x\nconsult -h shows the flags.\n"},
		{"an argument", []string{"here"}, 2, "", `unexpected argument "here"`},
		{"no instance", []string{"-instances", "0"}, 2, "", "-instances 0: it takes at least one"},
		{"no number", []string{"-instances", "many"}, 2, "", `invalid value "many"`},
		{"not of Redis", []string{"-redis", "http://127.0.0.1"}, 2, "", "-redis: redis: invalid URL scheme: http\nconsult -h shows the flags.\n"},
		{"no URL", []string{"-redis", "redis://:secret@127.0.0.1:port"}, 2, "", "-redis: invalid port \":port\" after host\nconsult -h shows the flags.\n"},
		{"no Redis there", []string{"-redis", "unix:///none?max_retries=-1"}, 1, "", "consult: -redis, at /none: redis: the server doesn't answer INFO: dial unix /none: connect: no such file or directory\n"},
		{"no port", []string{"-addr", "127.0.0.1"}, 1, "", "consult: -addr: address 127.0.0.1: missing port"},
		{"a port that nobody has", []string{"-addr", "127.0.0.1:65536"}, 1, "", "consult: -addr: "},
		{"ports run out", []string{"-addr", "127.0.0.1:65535"}, 1, "", "consult: instance 2: "},
		{"a busy port", []string{"-addr", busy.Addr().String()}, 1, "", "consult: instance 1: listen tcp " + busy.Addr().String() + ": bind: address already in use"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// It is done from the start: what serves by mistake ends at once, with status 0.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			if got := run(ctx, tt.args, &stdout, &stderr); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			check := func(stream, got, want string) {
				if !strings.Contains(got, want) || want == "" && got != "" {
					t.Errorf("%s is %q, want %q in it", stream, got, want)
				}
			}
			check("stdout", stdout.String(), tt.stdout)
			check("stderr", stderr.String(), tt.stderr)
		})
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", url, response.Status)
	}
	if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("GET %s: the policy is %q", url, policy)
	}
	return string(body)
}
