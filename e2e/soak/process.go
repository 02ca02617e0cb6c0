package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// process is a server or the redis-server, through all its starts. Its methods are
// called by one goroutine at a time.
type process struct {
	name  string
	log   *os.File
	start func() (*exec.Cmd, string, error) // returns when it answers, and where

	cmd *exec.Cmd

	mu     sync.Mutex // protects what follows
	addr   string     // "" while it does not run
	number int        // of the start
}

// where is where the process listens, and which start of it that is.
func (p *process) where() (addr string, number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr, p.number
}

func (p *process) up() error {
	cmd, addr, err := p.start()
	if err != nil {
		return fmt.Errorf("%s does not start: %w", p.name, err)
	}
	p.cmd = cmd
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addr = addr
	p.number++
	return nil
}

// kill ends it by SIGKILL, and returns when it is gone.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.mu.Lock()
	p.addr = ""
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it runs: we are the only ones who end it
	_ = p.cmd.Wait()         // that it was killed is no news
	p.cmd = nil
}

// stop asks it to end, which has to be clean.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s has ended by itself: %w", p.name, err)
	}
	err := p.cmd.Wait()
	p.cmd = nil
	if err != nil {
		return fmt.Errorf("%s: %w; its log is %s", p.name, err, p.log.Name())
	}
	return nil
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func newProcess(dir, name string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	return &process{name: name, log: log}, err
}

// newServer is a server that reaches Redis at addr.
func newServer(dir, name, redis string, resync bool) (*process, error) {
	p, err := newProcess(dir, name)
	if err != nil {
		return nil, err
	}
	p.start = func() (*exec.Cmd, string, error) {
		cmd := exec.Command(os.Args[0], "-serve", redis, "-resync="+strconv.FormatBool(resync))
		cmd.Stderr = p.log
		if _, err := cmd.StdinPipe(); err != nil { // it ends with us
			return nil, "", err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, "", err
		}
		if err := cmd.Start(); err != nil {
			return nil, "", err
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			return nil, "", fmt.Errorf("it says nothing: %w; its log is %s", cmd.Wait(), p.log.Name())
		}
		return cmd, lines.Text(), nil
	}
	return p, p.up()
}

// newRedis is a redis-server that survives SIGKILL with all that it has acknowledged.
func newRedis(dir string) (*process, error) {
	p, err := newProcess(dir, "redis")
	if err != nil {
		return nil, err
	}
	port := strconv.Itoa(20_000 + rand.IntN(10_000)) // no system takes these for outgoing connections
	addr := net.JoinHostPort("127.0.0.1", port)
	program := redisProgram()
	p.start = func() (*exec.Cmd, string, error) {
		cmd := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--dir", dir,
			"--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0", "--save", "")
		cmd.Stdout, cmd.Stderr = p.log, p.log
		if err := cmd.Start(); err != nil {
			return nil, "", err
		}
		return cmd, addr, answers(addr)
	}
	return p, p.up()
}

// redisProgram is what the tests of est run too: EST_REDIS_SERVER, or what is found.
func redisProgram() string {
	if program := os.Getenv("EST_REDIS_SERVER"); program != "" {
		return program
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "valkey-server"
	}
	return "redis-server"
}

// answers returns when a Redis does.
func answers(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if pong(addr) {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer", addr)
		}
	}
}

func pong(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 5)
	n, _ := c.Read(answer)
	return string(answer[:n]) == "+PONG"
}
