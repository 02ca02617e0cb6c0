package esttest

import "slices"

// clone is a copy of the cluster that goes its own way from here: whatever happens
// to one of the two, the other does not change. What can't change is shared, and so
// are the probe and the statistics; a machine is shared until one of the two steps it.
func (s *sim[C, R]) clone() *sim[C, R] {
	c := *s
	k := cloning[C, R]{from: s, to: &c}
	k.nodes()
	k.conns()
	rooms := make([]record, len(s.rooms))
	c.rooms = make([]*record, len(s.rooms))
	for i, r := range s.rooms {
		rooms[i] = record{r.key, r.state, slices.Clip(r.log), slices.Clip(r.past)}
		c.rooms[i] = &rooms[i]
	}
	c.registry = make([]*ownRecord, len(s.registry))
	for i, r := range s.registry {
		n := *r
		c.registry[i] = &n
	}
	c.debts = slices.Clone(s.debts)
	c.lates = slices.Clone(s.lates)
	for i, l := range c.lates {
		c.lates[i].deal = k.deal(l.deal)
	}
	c.effects, c.scenes = slices.Clip(s.effects), slices.Clip(s.scenes)
	c.failed = nil
	if s.failed != nil {
		v := *s.failed
		c.failed = &v
	}
	return &c // its fx, lifeFx and changes are the same, and empty between two steps
}

// cloning is one run of clone.
type cloning[C, R any] struct {
	from, to *sim[C, R]
	deals    []dealt[C]
}

// dealt is a deal and its copy.
type dealt[C any] struct{ was, is *deal[C] }

// deal is the copy of a deal that may still change. A commit and its late twin
// share theirs, and have to do so in the clone.
func (k *cloning[C, R]) deal(d *deal[C]) *deal[C] {
	if d == nil || d.applied { // then nothing changes it
		return d
	}
	for _, x := range k.deals {
		if x.was == d {
			return x.is
		}
	}
	n := *d
	k.deals = append(k.deals, dealt[C]{d, &n})
	return &n
}

func (k *cloning[C, R]) op(o op[C]) op[C] {
	o.deal = k.deal(o.deal)
	return o
}

func (k *cloning[C, R]) nodes() {
	nodes := make([]node[C, R], len(k.from.nodes))
	k.to.nodes = make([]*node[C, R], len(nodes))
	for i, n := range k.from.nodes {
		to := &nodes[i]
		*to = *n
		k.to.nodes[i] = to
		if n.pulse != nil {
			n.pulse.shared = true
			p := *n.pulse
			p.chores = slices.Clone(p.chores)
			to.pulse = &p
		}
		sites := make([]site[C, R], 1+len(n.sites))
		to.lobby = k.site(&sites[0], n.lobby, to)
		to.sites = make([]*site[C, R], len(n.sites))
		for i, t := range n.sites {
			to.sites[i] = k.site(&sites[1+i], t, to)
		}
	}
}

func (k *cloning[C, R]) site(to, t *site[C, R], n *node[C, R]) *site[C, R] {
	t.shared = true
	*to = *t
	to.n, to.ask, to.link, to.queue = n, k.op(t.ask), k.op(t.link), slices.Clip(t.queue)
	to.orphans = slices.Clone(t.orphans)
	return to
}

// own makes the machine one that nobody shares, and that is about to change.
func (t *site[C, R]) own() {
	if t.shared {
		t.m, t.shared = t.m.Clone(), false
	}
	t.print = nil
}

// siteOf is the copy of a site; nil for one whose instance has crashed, since
// nothing happens there any more.
func (k *cloning[C, R]) siteOf(t *site[C, R]) *site[C, R] {
	if t == nil {
		return nil
	}
	to := k.to.nodes[t.n.number-1]
	if t == t.n.lobby {
		return to.lobby
	}
	if i := slices.Index(t.n.sites, t); i >= 0 {
		return to.sites[i]
	}
	return nil
}

func (k *cloning[C, R]) conns() {
	conns := make([]conn[C, R], len(k.from.conns))
	k.to.conns = make([]*conn[C, R], len(conns))
	for i, c := range k.from.conns {
		to := &conns[i]
		*to = *c
		k.to.conns[i] = to
		to.node, to.site = k.to.nodes[c.node.number-1], k.siteOf(c.site)
		to.seen, to.owed = slices.Clip(c.seen), slices.Clip(c.owed)
		to.work, to.expect = slices.Clone(c.work), slices.Clone(c.expect)
	}
	actors := make([]actor[C, R], len(k.from.clients))
	k.to.clients = make([]*actor[C, R], len(actors))
	for i, a := range k.from.clients {
		actors[i] = *a
		if a.conn != nil {
			actors[i].conn = k.to.connOf(a.conn.id)
		}
		k.to.clients[i] = &actors[i]
	}
}
