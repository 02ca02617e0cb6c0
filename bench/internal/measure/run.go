package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spinneyio/est/bench/internal/load"
	"github.com/spinneyio/est/bench/internal/server"
	"github.com/spinneyio/est/bench/internal/usage"
)

// Variant is a row of a table: a server.
type Variant struct {
	Name       string
	Kind       string // of package server
	Centrifuge bool   // it speaks centrifuge's protocol
	Processes  int    // default: 1
	Redis      bool
}

// Case is a table: a load.
type Case struct {
	Name  string
	Title string
	Load  load.Config
	Sums  bool // the counters must add up to the messages at the end
}

// deliveries says whether the unit is a delivery, and not a message.
func (c *Case) deliveries() bool { return c.Load.Mode == load.Room }

// Sample is what one variant needed for one case, per message or delivery.
type Sample struct {
	PerSecond        float64
	CPU              usage.CPU // of the server processes
	Redis            usage.CPU
	Client           time.Duration // CPU of the load generator
	Allocs, Tries    float64
	P50, P99         time.Duration
	LastP50, LastP99 time.Duration
}

func (s *Sample) cpu() float64 { return float64(s.CPU.User + s.CPU.System) }

// bed is the processes of one run.
type bed struct {
	redis   *redisServer
	servers []*child
	load    *child
}

// serve starts the servers, and tells c their addresses and protocol.
func (b *bed) serve(v Variant, c *load.Config) (err error) {
	redis := ""
	if v.Redis {
		if b.redis, err = startRedis(); err != nil {
			return err
		}
		redis = b.redis.addr
	}
	for range max(v.Processes, 1) {
		s, err := spawn("serve", v.Kind, redis)
		if err != nil {
			return err
		}
		b.servers = append(b.servers, s)
		addr, err := s.until("READY")
		if err != nil {
			return err
		}
		c.Addrs = append(c.Addrs, addr)
	}
	c.Centrifuge = v.Centrifuge
	return nil
}

// connect starts the load generator, and waits until its connections are let in.
func (b *bed) connect(c load.Config) error {
	config, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if b.load, err = spawn("load", string(config)); err != nil {
		return err
	}
	if _, err := b.load.until("CONNECTED"); err != nil {
		return err
	}
	return b.settle(c.Connections())
}

// settle waits until all connections are where they belong: a server answers the
// handshake first.
func (b *bed) settle(connections int) error {
	for range 500 {
		open := 0
		for _, s := range b.servers {
			var n int
			if err := s.ask("open", &n); err != nil {
				return err
			}
			open += n
		}
		if open == connections {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("measure: not all of %d connections have been let in", connections)
}

func (b *bed) end() {
	if b.load != nil {
		b.load.end()
	}
	for _, s := range b.servers {
		s.end()
	}
	if b.redis != nil {
		b.redis.end()
	}
}

func (b *bed) stats() (all []server.Stat, redis usage.CPU, err error) {
	for _, s := range b.servers {
		stat, err := s.stat("stat")
		if err != nil {
			return nil, redis, err
		}
		all = append(all, stat)
	}
	if b.redis != nil {
		redis, err = b.redis.cpu()
	}
	return all, redis, err
}

// Run measures v once. If profile isn't "", the first server's CPU profile goes
// into that folder.
func Run(v Variant, c Case, profile string) (s Sample, err error) {
	b := &bed{}
	defer b.end()
	if s, err = b.measure(c, v, profile); err != nil {
		return s, fmt.Errorf("%s, %s: %w", v.Name, c.Name, err)
	}
	return s, nil
}

func (b *bed) measure(c Case, v Variant, profile string) (s Sample, err error) {
	config := c.Load
	if err := b.serve(v, &config); err != nil {
		return s, err
	}
	if err := b.connect(config); err != nil {
		return s, err
	}
	if err := b.goOn("READY", nil); err != nil {
		return s, err
	}
	if profile != "" {
		file := filepath.Join(profile, strings.ReplaceAll(v.Kind+"-"+c.Name, " ", "-")+".prof")
		if err := b.servers[0].ask("profile "+file, new(any)); err != nil {
			return s, err
		}
	}
	before, redisBefore, err := b.stats()
	if err != nil {
		return s, err
	}
	var r load.Result
	if err := b.goOn("RESULT", &r); err != nil {
		return s, err
	}
	after, redisAfter, err := b.stats()
	if err != nil {
		return s, err
	}
	if profile != "" {
		if err := b.servers[0].ask("profiled", new(any)); err != nil {
			return s, err
		}
	}
	if c.Sums {
		sum := 0 // of the first: several servers have one store in common
		if err := b.servers[0].ask("sum", &sum); err != nil {
			return s, err
		}
		if sum != c.Load.Sent() {
			return s, fmt.Errorf("measure: the counters add up to %d after %d messages", sum, c.Load.Sent())
		}
	}
	units := r.Msgs
	if c.deliveries() {
		units = r.Deliveries
	}
	if units == 0 {
		return s, errors.New("measure: nothing was done")
	}
	per := func(d time.Duration) time.Duration { return d / time.Duration(units) }
	for n, a := range after {
		used := a.CPU.Sub(before[n].CPU)
		s.CPU.User += per(used.User)
		s.CPU.System += per(used.System)
		s.Allocs += float64(a.Allocs-before[n].Allocs) / float64(units)
		s.Tries += float64(a.Tries-before[n].Tries) / float64(units)
	}
	redis := redisAfter.Sub(redisBefore)
	s.Redis = usage.CPU{User: per(redis.User), System: per(redis.System)}
	s.PerSecond = float64(units) / r.Wall.Seconds()
	s.Client = per(r.CPU)
	s.P50, s.P99, s.LastP50, s.LastP99 = r.P50, r.P99, r.LastP50, r.LastP99
	return s, nil
}

// goOn lets the load generator do its next part.
func (b *bed) goOn(until string, result any) error {
	if err := b.load.say("go"); err != nil {
		return err
	}
	text, err := b.load.until(until)
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal([]byte(text), result)
}
