package broker

import (
	"iter"
	"slices"
	"sort"
	"strings"
)

// chunkMax bounds what an edit copies: one chunk, and the list of chunks.
const chunkMax = 128

// table is a sorted map from strings that is never changed: with returns another
// table, that shares the chunks which are the same.
type table[V any] struct {
	chunks [][]entry[V] // none is empty; their entries are sorted over all chunks
	size   int          // entries
}

type entry[V any] struct {
	key   string
	value V
}

// edit sets the value of key, or removes key.
type edit[V any] struct {
	key    string
	value  V
	remove bool
}

func sortEdits[V any](edits []edit[V]) {
	slices.SortFunc(edits, func(a, b edit[V]) int { return strings.Compare(a.key, b.key) })
}

func (t table[V]) get(key string) (v V, ok bool) {
	if t.size == 0 {
		return v, false
	}
	chunk := t.chunks[t.chunkOf(key)]
	if i, ok := search(chunk, key); ok {
		return chunk[i].value, true
	}
	return v, false
}

func (t table[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, chunk := range t.chunks {
			for _, e := range chunk {
				if !yield(e.key, e.value) {
					return
				}
			}
		}
	}
}

// with returns t after edits, which are sorted and have distinct keys. It copies
// only the chunks that they fall into, and the list of chunks.
func (t table[V]) with(edits []edit[V]) table[V] {
	if len(edits) == 0 {
		return t
	}
	next := table[V]{chunks: make([][]entry[V], 0, len(t.chunks)+1), size: t.size}
	done := 0 // chunks of t
	for len(edits) > 0 {
		i := t.chunkOf(edits[0].key)
		next.push(t.chunks[done:i]...)
		var old []entry[V]
		if i < len(t.chunks) {
			old = t.chunks[i]
		}
		here := len(edits) // how many of edits fall into old
		if i+1 < len(t.chunks) {
			above := t.chunks[i+1][0].key
			here = sort.Search(len(edits), func(j int) bool { return edits[j].key >= above })
		}
		chunk := merge(old, edits[:here])
		next.push(chunk)
		next.size += len(chunk) - len(old)
		done, edits = min(i+1, len(t.chunks)), edits[here:]
	}
	next.push(t.chunks[done:]...)
	return next
}

// chunkOf returns the index of the chunk that key is in or would fall into: the
// last one that doesn't begin above it, or the first.
func (t table[V]) chunkOf(key string) int {
	above := sort.Search(len(t.chunks), func(i int) bool { return t.chunks[i][0].key > key })
	return max(above-1, 0)
}

// push appends chunks to a table that is being built. It halves one that has
// become too large, and joins neighbours that have become small, lest a table
// that shrinks keeps a long list of them.
func (t *table[V]) push(chunks ...[]entry[V]) {
	for _, chunk := range chunks {
		last := len(t.chunks) - 1
		switch {
		case len(chunk) == 0:
		case len(chunk) > chunkMax:
			t.push(chunk[:len(chunk)/2], chunk[len(chunk)/2:])
		case last >= 0 && len(t.chunks[last])+len(chunk) <= chunkMax/2:
			t.chunks[last] = slices.Concat(t.chunks[last], chunk)
		default:
			t.chunks = append(t.chunks, chunk)
		}
	}
}

// merge returns a new chunk: old after edits.
func merge[V any](old []entry[V], edits []edit[V]) []entry[V] {
	chunk := make([]entry[V], 0, len(old)+len(edits))
	for _, e := range edits {
		i, ok := search(old, e.key)
		chunk = append(chunk, old[:i]...)
		if !e.remove {
			chunk = append(chunk, entry[V]{e.key, e.value})
		}
		if old = old[i:]; ok {
			old = old[1:]
		}
	}
	return append(chunk, old...)
}

func search[V any](chunk []entry[V], key string) (int, bool) {
	return slices.BinarySearchFunc(chunk, key, func(e entry[V], key string) int { return strings.Compare(e.key, key) })
}
