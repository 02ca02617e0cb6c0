package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"github.com/spinneyio/est/bench/internal/usage"
	"github.com/spinneyio/est/bench/internal/wire"
)

// Main runs the load generator that config, a [Config] as JSON, describes.
func Main(config string) error {
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	steps := stepper{bufio.NewScanner(os.Stdin)}
	if c.Mode == Idle {
		return idle(c, steps)
	}
	g := &generator{Config: c, failed: make(chan error, 1)}
	if err := g.connect(); err != nil {
		return err
	}
	if !steps.say("CONNECTED") {
		return nil
	}
	if _, err := g.part(c.warmUp()); err != nil {
		return err
	}
	if !steps.say("READY") {
		return nil
	}
	result, err := g.measure()
	if err != nil {
		return err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	steps.say("RESULT " + string(text))
	return nil
}

// stepper says how far we are, and waits to be told to go on.
type stepper struct{ lines *bufio.Scanner }

func (s stepper) say(what string) (goOn bool) {
	fmt.Println(what)
	return s.lines.Scan()
}

type generator struct {
	Config
	clients   []*client // those that receive and, but in Room, send
	sender    *client   // Room
	recording atomic.Bool
	left      atomic.Int64  // messages of this part that are not done
	over      chan struct{} // closed when none is
	failed    chan error    // holds the first

	copies []atomic.Int32 // Room: of each message, those that have arrived
	lastMu sync.Mutex     // protects last
	last   hist
}

// fail ends the part under way. Only the first failure counts.
func (g *generator) fail(err error) {
	select {
	case g.failed <- err:
	default:
	}
}

func (g *generator) connect() error {
	for n := range g.Connections() {
		c, err := g.dial(n)
		if err != nil {
			return err
		}
		c.message = wire.New(n, wire.Key(n))
		if g.Mode == Room && n == g.Members {
			g.sender = c
		} else {
			g.clients = append(g.clients, c)
		}
	}
	if g.Centrifuge && g.sender != nil {
		before := `{"id":2,"publish":{"channel":"room","data":`
		g.sender.message = []byte(before + string(g.sender.message) + "}}")
		g.sender.at = len(before)
	}
	return nil
}

// dial opens connection n. What it says about itself is in the URL: who it is, and
// its room and part there.
func (g *generator) dial(n int) (*client, error) {
	query := fmt.Sprintf("token=u%d&c=%d", n, n)
	role := "recv"
	switch g.Mode {
	case Room:
		if n == g.Members {
			role = "send"
		}
		query += "&room=r0&role=" + role
	case State:
		query += fmt.Sprintf("&room=r%d", n/g.Members)
	}
	c := &client{g: g}
	conn, _, err := gws.NewClient(c, &gws.ClientOption{
		Addr:      "ws://" + g.Addrs[n%len(g.Addrs)] + "/?" + query,
		NewDialer: func() (gws.Dialer, error) { return dialer{g.Mode == Echo}, nil },
	})
	if err != nil {
		return nil, err
	}
	c.conn = conn
	c.turn, _ = conn.NetConn().(*wire.Turn)
	if g.Centrifuge {
		if err := conn.WriteString(fmt.Sprintf(`{"id":1,"connect":{"token":"u%d","name":"%s"}}`, n, role)); err != nil {
			return nil, err
		}
	}
	go conn.ReadLoop()
	return c, nil
}

// measure is the measured part.
func (g *generator) measure() (Result, error) {
	g.recording.Store(true)
	before := usage.Self()
	wall, err := g.part(g.measured())
	cpu := usage.Self().Sub(before)
	g.recording.Store(false)
	if err != nil {
		return Result{}, err
	}
	var took hist
	for _, c := range g.clients {
		took.merge(&c.took)
	}
	return Result{
		Msgs: g.measured() * g.senders(), Deliveries: int(took.n), Wall: wall,
		P50: took.quantile(.5), P99: took.quantile(.99),
		LastP50: g.last.quantile(.5), LastP99: g.last.quantile(.99),
		CPU: cpu.User + cpu.System,
	}, nil
}

// part has each sender send n messages, and waits until they are done.
func (g *generator) part(n int) (time.Duration, error) {
	g.left.Store(int64(n * g.senders()))
	g.over = make(chan struct{})
	start := time.Now()
	switch g.Mode {
	case Room:
		g.copies = make([]atomic.Int32, n)
		for _, c := range g.clients {
			c.seen = 0
		}
		g.sender.begin(n)
	case Paced:
		go g.pace(n, start)
	default:
		for _, c := range g.clients {
			c.begin(n)
		}
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-g.over:
		return time.Since(start), nil
	case err := <-g.failed:
		return 0, err
	case <-timeout.C:
		return 0, fmt.Errorf("%d messages are not done after %v", g.left.Load(), limit)
	}
}

// pace has each client send n messages, at even times over all of them.
func (g *generator) pace(n int, start time.Time) {
	between := time.Second / time.Duration(g.Rate)
	for i := range n * len(g.clients) {
		time.Sleep(time.Until(start.Add(time.Duration(i) * between)))
		g.clients[i%len(g.clients)].begin(1)
	}
}

func (g *generator) finish() {
	if g.left.Add(-1) == 0 {
		close(g.over)
	}
}
