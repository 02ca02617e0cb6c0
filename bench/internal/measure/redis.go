package measure

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/bench/internal/usage"
)

// redisServer is a Redis of our own, on a free port, which keeps nothing.
type redisServer struct {
	cmd    *exec.Cmd
	dir    string
	addr   string
	client *goredis.Client
}

func startRedis() (*redisServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // the port stays free for as long as it takes
	dir, err := os.MkdirTemp("", "bench-redis")
	if err != nil {
		return nil, err
	}
	r := &redisServer{dir: dir, addr: addr, client: goredis.NewClient(&goredis.Options{Addr: addr})}
	r.cmd = exec.Command("redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("measure: redis: %w", err)
	}
	ctx := context.Background()
	for range 200 {
		if err = r.client.Ping(ctx).Err(); err == nil {
			return r, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.end()
	return nil, fmt.Errorf("measure: redis doesn't answer: %w", err)
}

func (r *redisServer) end() {
	_ = r.client.Close()
	_ = r.cmd.Process.Kill() // it has nothing to save
	_ = r.cmd.Wait()
	_ = os.RemoveAll(r.dir)
}

// cpu is the processor time of Redis so far.
func (r *redisServer) cpu() (c usage.CPU, err error) {
	info, err := r.client.Info(context.Background(), "cpu").Bytes()
	if err != nil {
		return c, fmt.Errorf("measure: redis: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		var seconds float64
		if n, _ := fmt.Sscanf(lines.Text(), "used_cpu_user:%g", &seconds); n == 1 {
			c.User = time.Duration(seconds * float64(time.Second))
		}
		if n, _ := fmt.Sscanf(lines.Text(), "used_cpu_sys:%g", &seconds); n == 1 {
			c.System = time.Duration(seconds * float64(time.Second))
		}
	}
	return c, nil
}
