package redis_test

import (
	"context"
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

// quiet is for what go-redis says of connections that we break.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	goredis.SetLogger(quiet{})
	flag.Parse()
	// They mostly wait: for nodes, retentions and outages. So more than there are cores.
	if err := flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
