package esttest

import "slices"

// gather moves steps so that those of a connection or an instance stand together:
// a history is easiest to read where each goes on for as long as it can.
func (s *shrinker) gather() {
	for i := 1; i < len(s.least.steps) && !s.over(); i++ {
		s.moveUp(i)
	}
}

// moveUp moves the i-th step, or all that happens on its instance from there on,
// up to where its connection or instance was before; or what was there down to it.
func (s *shrinker) moveUp(i int) {
	steps, at := s.least.steps, places(s.least.steps)
	together := i + 1
	for together < len(steps) && at[together].inst == at[i].inst {
		together++
	}
	for _, same := range []func(k int) bool{
		func(k int) bool { return at[k].conn == at[i].conn && at[i].conn != (connName{}) },
		func(k int) bool { return at[k].inst == at[i].inst },
	} {
		before := i - 1
		for before >= 0 && !same(before) {
			before--
		}
		if before < 0 || before == i-1 {
			continue
		}
		begun := before
		for begun > 0 && at[begun-1].inst == at[before].inst {
			begun--
		}
		if s.try(move(steps, i, together, before+1)) || s.try(move(steps, i, i+1, before+1)) ||
			s.try(move(steps, begun, before+1, i)) || s.try(move(steps, before, before+1, i)) {
			return
		}
	}
}

// move puts steps[from:end] where steps[to] was.
func move(steps []step, from, end, to int) []step {
	moved := steps[from:end]
	rest := slices.Delete(slices.Clone(steps), from, end)
	if to > from {
		to -= len(moved)
	}
	return slices.Insert(rest, to, moved...)
}

// rename gives out numbers in the order of appearance: all at once, then clients and
// instances on their own.
func (s *shrinker) rename() {
	clients := func(steps []step) []step {
		number := numbers{}
		return change(steps, func(st step) step {
			st.conn.client = number.of(st.conn.client)
			return st
		})
	}
	instances := func(steps []step) []step {
		number := numbers{}
		return change(steps, func(st step) step {
			st.inst = number.of(st.inst)
			return st
		})
	}
	if !s.try(clients(instances(s.least.steps))) {
		s.try(clients(s.least.steps))
		s.try(instances(s.least.steps))
	}
}

// strangers makes another client of one that comes back, where there is a number
// free: to have been there before is one thing more to think of.
func (s *shrinker) strangers() {
	for _, n := range distinct(s.least.steps, func(st step) connName { return st.conn }) {
		if n.life == 1 {
			continue
		}
		stranger := connName{1, 1}
		for slices.ContainsFunc(s.least.steps, func(st step) bool { return st.conn.client == stranger.client }) {
			stranger.client++
		}
		s.try(change(s.least.steps, func(st step) step {
			if st.conn == n {
				st.conn = stranger
			}
			return st
		}))
	}
}

// tidy leaves out the steps of connections that are not open yet, and counts the lives of
// a client from 1 on: a client's second connection is its first one where that has
// been removed. A step's text and order stay.
func tidy(steps []step) []step {
	lives := map[int]int{}
	names := map[connName]connName{}
	return change(steps, func(st step) step {
		if st.conn == (connName{}) {
			return st
		}
		if st.do == connect {
			lives[st.conn.client]++
			names[st.conn] = connName{st.conn.client, lives[st.conn.client]}
		}
		name, open := names[st.conn]
		if !open {
			return step{}
		}
		st.conn = name
		return st
	})
}

// numbers counts different values from 1 on in the order in which they come; zero
// stays zero.
type numbers map[int]int

func (n numbers) of(v int) int {
	if v == 0 {
		return 0
	}
	if n[v] == 0 {
		n[v] = len(n) + 1
	}
	return n[v]
}
