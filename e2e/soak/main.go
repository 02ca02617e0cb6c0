// Command soak breaks a small cluster for a while and proves that nothing is lost: 3
// server processes on one redis-server, and a few hundred WebSocket clients; the
// servers are killed and stopped at random, Redis is killed and comes back, connections
// to it are cut. In the end, with everything at work again, it wants that
//
//   - who is a member of a room is who is there: no ghost is left, and nobody is missing;
//   - each Leave took place once;
//   - no update was lost or applied twice, and what was acknowledged is there;
//   - every client was told all that was added to its room while it was there, in order
//     and once; or was told to look anew (Resync), or closed.
//
// It needs a redis-server on the PATH, and is run in the folder e2e:
//
//	go run ./soak -for 5m
//
// The exit status is 0 if all holds, 1 if not, 2 if it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line asked for.
type options struct {
	duration time.Duration
	clients  int
	seed     uint64
	serve    string
	resync   bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.DurationVar(&o.duration, "for", time.Minute, "how long things are broken; then they get a minute at most to settle")
	flags.IntVar(&o.clients, "clients", 200, "how many WebSocket clients; ten share a room")
	flags.Uint64Var(&o.seed, "seed", 0, "of what happens when; processes and networks are as random as they are (default: random)")
	flags.StringVar(&o.serve, "serve", "", "be one of the servers, on the Redis at `host:port`; for soak itself")
	flags.BoolVar(&o.resync, "resync", true, "that server has Resync; for soak itself")
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "soak breaks a small cluster at random, and proves that nothing is lost.\n\nUsage: soak [flags]\n\n")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0 || o.clients < 1:
		fmt.Fprintln(stderr, "soak: no arguments but flags, and one client at least: see -h")
		return 2
	case o.serve != "":
		if err := serve(o.serve, o.resync); err != nil {
			fmt.Fprintln(stderr, "soak:", err)
			return 1
		}
		return 0
	}
	return soak(ctx, o, stdout, stderr)
}
