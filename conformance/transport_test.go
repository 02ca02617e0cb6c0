package conformance_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

func TestRunTransport(t *testing.T) { conformance.RunTransport(t, dialPipe) }

// bare is a client of a transport that knows neither close codes nor violations.
type bare struct{ conformance.Client }

func (bare) Violate(code core.CloseCode) error {
	return fmt.Errorf("no %d: %w", code, errors.ErrUnsupported)
}

func (bare) Close(core.CloseCode, string) error {
	return fmt.Errorf("no close codes: %w", errors.ErrUnsupported)
}

// What RunTransport says is seen from outside: in a process whose test fails.
func TestRunTransportReports(t *testing.T) {
	const variable = "EST_TEST_TRANSPORT"
	dials := map[string]conformance.Dial{
		"leaking": dialWrong(leaving(func() { select {} })),
		"hanging": dialWrong(func() wrong {
			var never sync.Mutex
			return wrong{write: func(transport.Conn, [][]byte) error {
				never.Lock()
				never.Lock()
				return nil
			}}
		}),
		"bare": func(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
			c, err := dialPipe(t, i)
			return bare{c}, err
		},
		"failing": func(t testing.TB, i transport.Acceptor) (conformance.Client, error) {
			t.Fatal("no port is free")
			return nil, nil
		},
		"panicking": func(t testing.TB, i transport.Acceptor) (conformance.Client, error) { panic("no port is free") },
	}
	if dial, ok := dials[os.Getenv(variable)]; ok {
		conformance.SetRealPatience(3 * time.Second)
		conformance.RunTransport(t, dial)
		return
	}
	for name, want := range map[string][]string{
		"leaking": {
			"--- FAIL: TestRunTransportReports/messages_to_the_client_keep_their_order",
			"broken: nothing is left behind\n", "seen in: calls of a session do not overlap\n", "otherwise: an instance lives for months",
			"client 1 connects\n", "1 × [select (no cases) (durable)]:\n", "transport_wrong_wholes_test.go",
			"broken here too: nothing is left behind. TestRunTransportReports/calls_of_a_session_do_not_overlap has more\n",
		},
		"hanging": {
			"broken: messages to the client keep their order\n", "happened: it still runs after 3s", "[sync.Mutex.Lock]:\n",
			"skipped all that comes after: messages to the client keep their order\n",
		},
		"bare": {
			"--- SKIP: TestRunTransportReports/a_binary_frame_is_a_violation", "PASS\n", "conformance: not all was tried:\n",
			"skipped a binary frame is a violation: no 1003: unsupported operation\n",
			"skipped the client's close reaches the instance with code and reason: no close codes: unsupported operation\n",
		},
		"failing":   {"broken: messages to the client keep their order\n", "expected: the test's own client has nothing to complain of\n", "happened: no port is free\n"},
		"panicking": {"broken: messages to the client keep their order\n", "happened: panic: no port is free\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.Command(os.Args[0], "-test.run=^TestRunTransportReports$", "-test.v")
			child.Env = append(os.Environ(), variable+"="+name)
			output, err := child.CombinedOutput()
			if failed := err != nil; failed != (name != "bare") {
				t.Errorf("the test ends with %v", err)
			}
			for _, part := range want {
				if !strings.Contains(string(output), part) {
					t.Errorf("%q is not in the output", part)
				}
			}
			if t.Failed() {
				t.Logf("%.5000s", output)
			}
		})
	}
}

// complaints is a testing.TB that fails nothing.
type complaints struct {
	testing.TB
	list []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func TestFakeInstanceWatchesItsCalls(t *testing.T) {
	c := &complaints{TB: t}
	i := &conformance.FakeInstance{T: c}
	var inside func(s *conformance.FakeSession)
	i.Received = func(s *conformance.FakeSession, _ []byte) {
		if f := inside; f != nil {
			inside = nil
			f(s)
		}
	}
	accept := func() transport.Session {
		s, err := i.Accept(nil, core.Handshake{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, test := range []struct {
		do   func(s transport.Session)
		want string
	}{
		{func(s transport.Session) { s.Receive(nil); s.Violated(1003); s.Closed(1006, "") }, ""},
		{func(s transport.Session) {
			inside = func(s *conformance.FakeSession) { s.Receive(nil) }
			s.Receive(nil)
		}, overlap},
		{func(s transport.Session) {
			inside = func(s *conformance.FakeSession) { s.Closed(1006, "") }
			s.Receive(nil)
		}, closedLast},
		{func(s transport.Session) { s.Closed(1006, ""); s.Receive(nil) }, closedLast},
		{func(s transport.Session) { s.Closed(1006, ""); s.Closed(1006, "") }, closedLast},
	} {
		c.list = nil
		test.do(accept())
		switch {
		case test.want == "" && len(c.list) > 0:
			t.Errorf("complaints: %q, want none", c.list)
		case test.want != "" && (len(c.list) != 1 || !strings.HasPrefix(c.list[0], test.want+": ")):
			t.Errorf("complaints: %q, want one: %s", c.list, test.want)
		}
	}
}
