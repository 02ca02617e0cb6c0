package gws

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/core"
	"github.com/spinneyio/est/transport"
)

// ErrForbidden, as the error of [Options.Admit] or wrapped in it, refuses with
// 403 instead of 401.
var ErrForbidden = errors.New("gws: forbidden")

// Options of [Handler]. nil is all defaults; a field that is zero or negative is
// its default.
type Options struct {
	// Admit is asked before the upgrade. It may do I/O, look up a session cookie
	// for example; r.Context() ends when the client gives up. claims, as JSON, are
	// the handshake's Claims; nil stays nil. An error refuses with 401, or 403 for
	// [ErrForbidden]; its text goes to the log at level Debug and never to the
	// client. Default: everyone is admitted, without claims.
	Admit func(r *http.Request) (claims any, err error)

	// Origins are the web pages that may connect besides those of the request's own
	// Host. An entry is
	//
	//	https://example.com       scheme, host and port, as browsers write origins
	//	example.com:8080          host and port, any scheme
	//	https://*.example.com     every name below example.com, but not itself
	//	*                         all pages
	//
	// and is compared without regard to case. A port is compared as it is written;
	// browsers leave out the default one. A request without an Origin header is not
	// a browser's and is allowed. Behind a proxy that changes Host, list the public
	// origin. Others are refused with 403. Default: none.
	Origins []string

	// MaxMessage is the size of the largest message that a client may send, in
	// bytes. Default 64 KiB.
	MaxMessage int

	// PingInterval is how long a client may be silent before it is asked for a sign
	// of life by a ping. Default 25 s.
	PingInterval time.Duration

	// PongWait is how long it then has to say anything at all. A client that said
	// nothing for PingInterval and PongWait is lost. Default 10 s.
	PongWait time.Duration

	// WriteTimeout is how long one Write may take, however much it writes, and so
	// for how long a client may not read, up to a sixteenth less. Default 10 s.
	WriteTimeout time.Duration

	// CloseWait is how long a close may take: until a Write that is under way has
	// ended, and until the client has closed its side. Default 1 s.
	CloseWait time.Duration

	// Logger gets what the operator can do something about. Default slog.Default().
	Logger *slog.Logger
}

// Handler takes WebSocket connections in for i. It is safe for concurrent use,
// and o is not kept.
func Handler(i transport.Acceptor, o *Options) http.Handler {
	if o == nil {
		o = &Options{}
	}
	h := &handler{acceptor: i, o: *o, epoch: time.Now().Add(-1)}
	h.o.MaxMessage = cmp.Or(max(o.MaxMessage, 0), 64<<10)
	h.o.PingInterval = cmp.Or(max(o.PingInterval, 0), 25*time.Second)
	h.o.PongWait = cmp.Or(max(o.PongWait, 0), 10*time.Second)
	h.o.WriteTimeout = cmp.Or(max(o.WriteTimeout, 0), 10*time.Second)
	h.o.CloseWait = cmp.Or(max(o.CloseWait, 0), time.Second)
	h.o.Logger = cmp.Or(o.Logger, slog.Default())
	h.o.Origins = slices.Clone(o.Origins)
	h.upgrader = gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadMaxPayloadSize: h.o.MaxMessage,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   h.o.WriteTimeout,
		ParallelGolimit:    1, // not used, but a queue of this size is made for each connection
		NewSession:         func() gws.SessionStorage { return nil },
	})
	return h
}

type handler struct {
	acceptor transport.Acceptor
	o        Options
	upgrader *gws.Upgrader
	epoch    time.Time // connections count time from here; in the past
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ok := handshakeKey(w, r)
	if !ok {
		return
	}
	if origin := r.Header.Get("Origin"); !originAllowed(origin, r.Host, h.o.Origins) {
		h.o.Logger.Debug("gws: foreign origin refused", "origin", origin, "host", r.Host)
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	claims, ok := h.admit(w, r)
	if !ok {
		return
	}
	netConn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		h.o.Logger.Error("gws: the connection can't be taken over from the HTTP server", "error", err)
		http.Error(w, "this server can't upgrade connections", http.StatusInternalServerError)
		return
	}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered()) // can't fail: it is there
	h.connect(netConn, bytes.Clone(early), key, core.Handshake{
		Path:       r.URL.Path,
		RemoteAddr: r.RemoteAddr,
		Query:      r.URL.Query(),
		Header:     r.Header.Clone(),
		Claims:     claims,
	})
}

// admit asks Admit, and answers a request that is refused.
func (h *handler) admit(w http.ResponseWriter, r *http.Request) (claims core.Message, ok bool) {
	if h.o.Admit == nil {
		return nil, true
	}
	c, err := h.o.Admit(r)
	switch {
	case errors.Is(err, ErrForbidden):
		h.o.Logger.Debug("gws: not admitted", "error", err)
		http.Error(w, "forbidden", http.StatusForbidden)
		return nil, false
	case err != nil:
		h.o.Logger.Debug("gws: not admitted", "error", err)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return nil, false
	case c == nil:
		return nil, true
	}
	claims, err = json.Marshal(c)
	if err != nil {
		h.o.Logger.Error("gws: the claims of Admit can't be encoded", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return nil, false
	}
	return claims, true
}

// connect upgrades a connection and hands it to the instance. early is what the
// client sent right behind its handshake.
func (h *handler) connect(netConn net.Conn, early []byte, key string, shake core.Handshake) {
	c := newConn(h, netConn, early)
	defer func() { // also when Accept panics, which net/http survives
		if c.session == nil {
			c.end(core.CloseLost, "not accepted", nil)
		}
	}()
	space := 0 // the least that there can be
	if c.wire.raw == nil {
		space = keep
	}
	g, err := h.upgrader.UpgradeFromConn(&c.wire, bufio.NewReaderSize(&c.wire, space), upgradeRequest(key))
	if err != nil {
		return // the client is gone
	}
	session, err := h.acceptor.Accept(c, shake)
	if err != nil {
		session = nobody{}
		c.Close(core.CloseGoingAway, "")
	}
	c.session = session
	c.batches, _ = session.(transport.BatchReceiver)
	// Not here: this goroutine's stack has grown deep in net/http, and a stack that
	// has grown is kept for as long as the connection lives.
	go c.serve(g)
}

// nobody is the session of a connection that the instance refused.
type nobody struct{}

func (nobody) Receive([]byte)                {}
func (nobody) Violated(core.CloseCode)       {}
func (nobody) Closed(core.CloseCode, string) {}
