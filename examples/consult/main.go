// Command consult lets a dietitian and a client talk in a room: a small but
// whole application on est. It runs several backend instances in one process,
// each on a port of its own, to show that people meet across instances.
//
//	go run ./examples/consult
//
// Then open http://127.0.0.1:8080 in two tabs. Several processes meet on a Redis:
//
//	go run ./examples/consult -redis redis://localhost
//	go run ./examples/consult -redis redis://localhost -addr 127.0.0.1:8090
//
// The application itself is in the folder consult, what it must do in scenario.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	goredis "github.com/redis/go-redis/v9"

	"github.com/spinneyio/est/examples/consult/consult"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx is done and answers with the exit status: 0 after a clean
// stop, 1 when something failed, 2 when it was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	b, err := openBrokers(c.redis, c.instances)
	if err != nil {
		fmt.Fprintln(stderr, "consult:", err)
		return 1
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	err = consult.Serve(ctx, c.addr, b.each, stdout, logger)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), consult.StopWithin)
	defer cancel()
	if err = errors.Join(err, b.close(closing)); err != nil {
		fmt.Fprintln(stderr, "consult:", err)
		return 1
	}
	return 0
}

// command is what the command line asked for.
type command struct {
	addr      string
	instances int
	redis     *goredis.Options // nil: memory
}

// parse reads the command line. What there is to say about it has been printed
// when it returns an error.
func parse(args []string, stdout, stderr io.Writer) (command, error) {
	var c command
	flags := flag.NewFlagSet("consult", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` of the first instance; the others get the next ports; with port 0 all get free ones")
	flags.IntVar(&c.instances, "instances", 2, "how many backend instances to run; they share one store")
	redis := flags.String("redis", "", "`URL` of a Redis that several processes share: redis://[user:password@]host[:port][/database], rediss:// with TLS, or unix:///path (default: the memory of this process)")
	flags.SetOutput(stderr)
	flags.Usage = func() {}

	err := flags.Parse(args) // prints what is wrong, but not what was asked for
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "A dietitian and a client talk in a room.\n\nUsage: consult [flags]\n\n")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return c, err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(stderr, err)
	case err == nil && c.instances < 1:
		err = fmt.Errorf("-instances %d: it takes at least one", c.instances)
		fmt.Fprintln(stderr, err)
	case err == nil && *redis != "":
		if c.redis, err = parseURL(*redis); err != nil {
			fmt.Fprintln(stderr, err)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "consult -h shows the flags.")
	}
	return c, err
}
