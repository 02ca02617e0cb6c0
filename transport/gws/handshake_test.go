package gws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spinneyio/est/conformance"
	"github.com/spinneyio/est/transport/gws"
)

// request is a proper handshake.
func request() *http.Request {
	r := httptest.NewRequest("GET", "https://est.test/consult", nil)
	for k, v := range map[string]string{
		"Upgrade": "WebSocket", "Connection": "keep-alive, upgrade",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(k, v)
	}
	return r
}

// A recorder can't be taken over from the HTTP server, which is asked last: so
// with one, this text is the answer to a handshake that is found good.
const good = "this server can't upgrade connections"

func TestHandshakeIsChecked(t *testing.T) {
	set := func(k, v string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set(k, v) }
	}
	cases := map[string]struct {
		change func(r *http.Request)
		code   int
		text   string
		header http.Header // must be in the answer
	}{
		"proper":       {func(*http.Request) {}, 500, good, nil},
		"lists":        {set("Upgrade", "h2c, websocket"), 500, good, nil},
		"HTTP/2":       {func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, 505, "HTTP/1.1", nil},
		"HTTP/1.0":     {func(r *http.Request) { r.ProtoMinor = 0 }, 505, "HTTP/1.1", nil},
		"POST":         {func(r *http.Request) { r.Method = "POST" }, 405, "GET", http.Header{"Allow": {"GET"}}},
		"not upgraded": {func(r *http.Request) { r.Header.Del("Upgrade") }, 426, "WebSocket", http.Header{"Upgrade": {"websocket"}}},
		"to something": {set("Upgrade", "h2c"), 426, "WebSocket", nil},
		"kept alive":   {set("Connection", "keep-alive"), 426, "WebSocket", nil},
		"old version":  {set("Sec-WebSocket-Version", "8"), 426, "version 13", http.Header{"Sec-Websocket-Version": {"13"}}},
		"no key":       {set("Sec-WebSocket-Key", ""), 400, "Key", nil},
		"short key":    {set("Sec-WebSocket-Key", "c2hvcnQ="), 400, "Key", nil},
		"no base64":    {set("Sec-WebSocket-Key", "????????????????????????"), 400, "Key", nil},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			r, w := request(), httptest.NewRecorder()
			test.change(r)
			gws.Handler(&conformance.FakeInstance{T: t}, &gws.Options{Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
			if w.Code != test.code || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("answered %d %q, want %d with %q", w.Code, w.Body, test.code, test.text)
			}
			for k, v := range test.header {
				if got := w.Header()[k]; !reflect.DeepEqual(got, v) {
					t.Errorf("%s is %q, want %q", k, got, v)
				}
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	const host = "est.test:8080"
	cases := []struct {
		origin  string
		allowed []string
		want    bool
	}{
		{"", nil, true}, // not a browser
		{"https://est.test:8080", nil, true},
		{"http://EST.test:8080", nil, true}, // a proxy may have ended TLS
		{"https://est.test", nil, false},
		{"https://evil.test", nil, false},
		{"https://est.test:8080.evil.test", nil, false},
		{"https://evil.test/est.test:8080", nil, false},
		{"https://est.test:8080@evil.test", nil, false},
		{"null", nil, false},
		{"%", nil, false},
		{"https://evil.test", []string{"*"}, true},
		{"null", []string{"*"}, true},
		{"null", []string{"null"}, true},
		{"https://app.test", []string{"other.test", "app.test"}, true},
		{"https://app.test:444", []string{"app.test"}, false},
		{"https://APP.test", []string{"https://app.TEST"}, true},
		{"http://app.test", []string{"https://app.test"}, false},
		{"https://a.app.test", []string{"*.app.test"}, true},
		{"https://a.b.app.test", []string{"https://*.app.test"}, true},
		{"http://a.app.test", []string{"https://*.app.test"}, false},
		{"https://app.test", []string{"*.app.test"}, false},
		{"https://evilapp.test", []string{"*.app.test", "*app.test"}, false},
		{"https://app.test.evil.test", []string{"*.app.test", "app.test"}, false},
	}
	for _, test := range cases {
		t.Run(fmt.Sprint(test.origin, test.allowed), func(t *testing.T) {
			r, w := request(), httptest.NewRecorder()
			r.Host = host
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			gws.Handler(&conformance.FakeInstance{T: t}, &gws.Options{Origins: test.allowed, Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
			if got := strings.Contains(w.Body.String(), good); got != test.want {
				t.Errorf("allowed is %v; answered %d %q", got, w.Code, w.Body)
			}
			if !test.want && w.Code != http.StatusForbidden {
				t.Errorf("answered %d, want 403", w.Code)
			}
		})
	}
}

func TestAdmitRefuses(t *testing.T) {
	secret := errors.New("user 17 has no ticket in 10.0.0.3")
	cases := map[string]struct {
		claims any
		err    error
		code   int
		text   string
		logged string // at level Error
	}{
		"unauthorized": {nil, secret, 401, "unauthorized\n", ""},
		"forbidden":    {nil, fmt.Errorf("%w: %w", gws.ErrForbidden, secret), 403, "forbidden\n", ""},
		"bad claims":   {func() {}, nil, 500, "internal error\n", "unsupported type"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := &gws.Options{
				Admit:  func(*http.Request) (any, error) { return test.claims, test.err },
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
			}
			w := httptest.NewRecorder()
			gws.Handler(&conformance.FakeInstance{T: t}, o).ServeHTTP(w, request())
			if w.Code != test.code || w.Body.String() != test.text {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, test.code, test.text)
			}
			if !strings.Contains(log.String(), test.logged) || test.logged == "" && log.Len() > 0 {
				t.Errorf("logged %q", &log)
			}
		})
	}
}

// A foreign page may not make Admit do anything.
func TestAdmitIsAskedAfterTheOrigin(t *testing.T) {
	r, w := request(), httptest.NewRecorder()
	r.Header.Set("Origin", "https://evil.test")
	gws.Handler(&conformance.FakeInstance{T: t}, &gws.Options{Admit: func(*http.Request) (any, error) {
		t.Error("Admit was asked")
		return nil, nil
	}}).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("answered %d", w.Code)
	}
}

func TestHandshakeArrives(t *testing.T) {
	type claims struct {
		User int `json:"user"`
	}
	for name, test := range map[string]struct {
		claims any
		want   string
	}{
		"claims":    {claims{17}, `{"user":17}`},
		"no claims": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &conformance.FakeInstance{T: t}
				var seen http.Header
				h := gws.Handler(i, &gws.Options{Admit: func(r *http.Request) (any, error) {
					seen = r.Header
					return test.claims, context.Cause(r.Context())
				}})
				c := open(t, serveMemory(t, h)(), "Cookie: session=1\r\nOrigin: https://est.test\r\n", "")
				synctest.Wait()
				got := i.Session(0).Handshake
				if got.Path != "/consult" || !reflect.DeepEqual(got.Query, map[string][]string{"a": {"1", "2"}}) || got.RemoteAddr != "pipe" {
					t.Errorf("handshake: %+v", got)
				}
				if string(got.Claims) != test.want || (got.Claims == nil) != (test.want == "") {
					t.Errorf("claims: %q, want %q", got.Claims, test.want)
				}
				if !maps.EqualFunc(got.Header, seen, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) || got.Header["Cookie"][0] != "session=1" {
					t.Errorf("header: %v", got.Header)
				}
				seen.Set("Cookie", "changed by a middleware")
				if got.Header["Cookie"][0] != "session=1" {
					t.Error("the header is shared with the request")
				}
				c.Abort()
			})
		})
	}
}

func TestPanicOfAcceptLeavesNothingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &conformance.FakeInstance{T: t, Accepted: func(*conformance.FakeSession) { panic(http.ErrAbortHandler) }}
		c := open(t, serveMemory(t, gws.Handler(i, nil))(), "", "")
		if text, err := c.Receive(); err == nil {
			t.Errorf("received %q", text)
		}
	})
}
