package house

import (
	"fmt"
	"slices"
	"strings"
)

// The modules that the main module may require directly.
const (
	gws       = "github.com/lxzan/gws"
	goredis   = "github.com/redis/go-redis/v9"
	miniredis = "github.com/alicebob/miniredis/v2"
	gocmp     = "github.com/google/go-cmp"
	rapid     = "pgregory.net/rapid"
)

var modules = []string{gws, goredis, miniredis, gocmp, rapid}

// arrow allows the package from to import to: a package of the house, named by
// its folder, or a module. "..." at the end of a folder means all below it too.
type arrow struct{ from, to, why string }

// production has the arrows of what is built into applications. core and broker
// have none: the standard library only. Modules of their own are not our matter.
var production = []arrow{
	{"core/instance", "core", "it runs core's machines"},
	{"core/instance", "broker", "it performs their effects on a broker"},
	{"core/instance", "transport", "it accepts connections from transports"},

	{"memory", "broker", "it is a broker"},
	{"memory", "internal/inbox", "brokers deliver alike"},
	{"redis", "broker", "it is a broker"},
	{"redis", "internal/inbox", "brokers deliver alike"},
	{"redis", goredis, "it speaks to Redis by the client that the application has"},

	{"internal/inbox", "broker", "it calls a broker's handlers"},

	{"transport", "core", "handshakes and close codes are core's words"},
	{"transport/gws", "core", "handshakes and close codes are core's words"},
	{"transport/gws", "transport", "it is a transport"},
	{"transport/gws", gws, "it is the only package that knows gws"},
	{"transport/pipe", "core", "handshakes, messages and close codes are core's words"},
	{"transport/pipe", "transport", "it is a transport"},

	{"conformance", "broker", "it states a broker's rules as cases"},
	{"conformance", "transport", "it states a transport's promises as cases"},
	{"conformance", "core", "a transport's promises speak of handshakes and close codes"},

	{"esttest", "core", "it simulates core's machines"},
	{"esttest", "broker", "its simulated store is broker.Apply"},
	{"esttest", rapid, "generators draw what clients send"},
	{"esttest", gocmp, "a failed expectation shows the difference"},

	{"esttest/internal/zoo", "core", "bugs of integrations live there"},
	{"esttest/internal/zoo", "esttest", "each has a model"},
	{"esttest/internal/zoo", rapid, "models have generators"},

	{"examples/...", "core", "an integration is written in core's words"},
	{"examples/...", "core/instance", "an example runs"},
	{"examples/...", "broker", "an example chooses its broker by a flag"},
	{"examples/...", "memory", "the broker without a server"},
	{"examples/...", "redis", "the broker for several processes"},
	{"examples/...", goredis, "redis.New takes its client"},
	{"examples/...", "transport", "a client in an example dials any acceptor"},
	{"examples/...", "transport/gws", "browsers connect to it"},
	{"examples/...", "transport/pipe", "an example without a network"},
	{"examples/consult/...", "examples/consult/...", "a command has its application, and that its play, in folders beside it"},
}

// tests has what test files may import besides: what it takes to show a package
// working, but not what is built on it, as far as that is possible.
var tests = []arrow{
	{"...", rapid, "properties draw their values"},
	{"...", gocmp, "outcomes are compared field by field"},
	{"...", "core", "it is everybody's language"},
	{"...", "broker", "it is everybody's contract"},
	{"...", "memory", "the broker that a test needs no server for"},

	{"core/instance", "transport/pipe", "connections without a network"},
	{"memory", "conformance", "it passes the suite"},
	{"redis", "conformance", "it passes the suite"},
	{"redis", miniredis, "a Redis in process"},
	{"redis", "internal/redistest", "a Redis that dies, and a network that fails"},
	{"transport/...", "core/instance", "a transport is tried with a real instance"},
	{"transport/...", "conformance", "it passes the suite"},
	{"conformance", "core/instance", "the transports' suite is tried with a real instance"},
	{"conformance", "transport/pipe", "the transports' suite is tried on it"},
	{"esttest", "esttest/internal/zoo", "it is proven by what it finds there"},
	{"esttest", "conformance", "its simulated store passes the suite"},
	{"esttest", "core/instance", "the simulation is compared with the driver"},
	{"esttest", "transport/pipe", "the simulation is compared with the driver"},
	{"examples/...", "esttest", "an example shows how an integration is tested"},
	{"examples/...", miniredis, "a Redis in process"},
	{"examples/...", "internal/redistest", "an example of several processes has a Redis between them"},

	{".", "internal/house", "the rules are run on the tree"},
	{".", "core/instance", "the README's program is compiled and run"},
	{".", "transport/gws", "the README's program is compiled and run"},
	{".", "transport/pipe", "the README's program is compiled and run"},
	{".", "conformance", "the README's test of a broker is compiled and run"},
	{".", "redis", "the README's program is compiled"},
	{".", goredis, "redis.New takes its client"},
	{".", "esttest", "the README's test is compiled and run"},
}

func checkArrows(t *Tree) (violations []string) {
	for _, s := range t.main() {
		allowed, table := production, "production"
		if s.test {
			allowed, table = slices.Concat(production, tests), "tests"
		}
		for _, imp := range s.syntax.Imports {
			to := importPath(imp)
			if !isThirdParty(to) {
				folder, ours := folderOf(to)
				if !ours || folder == s.dir { // an external test imports what it tests
					continue
				}
				to = folder
			}
			if !slices.ContainsFunc(allowed, func(a arrow) bool { return a.allows(s.dir, to) }) {
				violations = append(violations, fmt.Sprintf("%s: %s imports %s: the house has no such arrow. Turn it round, or add it with its reason to %s in internal/house/arrows.go",
					t.at(imp), s.dir, to, table))
			}
		}
	}
	return violations
}

// allows says whether from may import to: folders, or to is a third party's path.
func (a arrow) allows(from, to string) bool {
	if isThirdParty(to) {
		return within(from, a.from) && slices.Contains(modules, a.to) && within(to, a.to+"/...")
	}
	return within(from, a.from) && within(to, a.to)
}

// within says whether path is what pattern means: itself, or with "..." at the
// end also all below it.
func within(path, pattern string) bool {
	above, below := strings.CutSuffix(pattern, "...")
	return path == pattern || below && strings.HasPrefix(path+"/", above)
}

// folderOf is the folder of one of our packages, by its import path.
func folderOf(importPath string) (folder string, ours bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}
