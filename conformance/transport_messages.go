package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// messagePromises are about messages that get through.
var messagePromises = []promise{{
	name:   callsDoNotOverlap,
	says:   "The transport calls Receive, Violated and Closed of one session one after the other: the next when the one before has returned.",
	breaks: "an instance keeps what it knows of a connection without a lock for these calls: messages are handled in any order, and data races.",
	check: func(b *bubble) {
		i := b.instance()
		i.Received = func(*FakeSession, []byte) { time.Sleep(time.Second) }
		p := b.connect(i)
		go func() {
			for range 3 {
				p.send("takes a second")
			}
		}()
		time.Sleep(patience)
		synctest.Wait()
	},
}, {
	name:   "messages to the instance keep their order",
	says:   "Receive is called for each text message that the client has sent, in the order of the wire, none lost and none twice.",
	breaks: "events of one connection are handled as they happened: an application sees a move before the game has begun.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.delivers(texts(numbered(100)))
	},
}, {
	name:   "messages to the client keep their order",
	says:   "Write sends each message as one text message, in order. The client gets those of one Write before those of the next; a Write of none is allowed.",
	breaks: "replies and deliveries reach a client as the room's machine has decided them: with two swapped, it shows an old state.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		sizes := []int{1, 16, 0, 3}
		go func() {
			for _, n := range sizes {
				b.write(p.session, numbered(n)...)
			}
		}()
		for _, n := range sizes {
			p.wants(texts(numbered(n))...)
		}
	},
}, {
	name:   "text of any kind reaches the instance as it was sent",
	says:   "A message is any UTF-8 text: empty, of line ends and other controls, with zero bytes, with U+FFFD, with runes of four bytes. Nothing is trimmed, translated, merged or taken for an end.",
	breaks: "names and chats come in all scripts, and JSON allows white space around it; what is not JSON must get the failure that the instance has for that.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.delivers(oddTexts())
	},
}, {
	name:   "text of any kind reaches the client as it was written",
	says:   "A message is any UTF-8 text: empty, of line ends and other controls, with zero bytes, with U+FFFD, with runes of four bytes. Nothing is trimmed, translated, merged or taken for an end.",
	breaks: "names and chats come in all scripts, and clients may check signatures of what they get.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.writes(oddTexts())
		p.wants(oddTexts()...)
	},
}, {
	name:   "messages of all sizes up to 64 KiB reach the instance",
	says:   "Receive gets each message whole and in one call, however it was cut on the way: also where a cut goes through a rune.",
	breaks: "a cut message is no JSON: the client gets a failure and is closed, only for some sizes and some languages.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		p.delivers(sizedTexts(64 << 10))
	},
}, {
	name:   "messages of all sizes reach the client",
	says:   "Write has no limit of its own. It is tried up to 200,000 bytes: each is one message for the client, also where a cut on the way goes through a rune.",
	breaks: "a reply with the whole room state is as large as the application makes it: users of large rooms could not join.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		list := sizedTexts(200_000)
		p.writes(list)
		p.wants(list...)
	},
}, {
	name:   "a received message belongs to the instance",
	says:   "What was handed to Receive is never changed again: the transport copies what it has in a pooled buffer.",
	breaks: "messages wait in the room's queue: a later one of anybody overwrites them, and people get what others wrote.",
	check: func(b *bubble) {
		var kept [][]byte
		i := b.instance()
		i.Received = func(_ *FakeSession, m []byte) { kept = append(kept, m) }
		p := b.connect(i)
		// Many of like sizes: a pooled buffer would be used again at once.
		var list []string
		for n := range 300 {
			list = append(list, strings.Repeat(fmt.Sprintf("%03d.", n), 1+n%40))
		}
		p.delivers(list)
		for n, m := range kept {
			if string(m) != list[n] {
				b.fatal(fmt.Sprintf("message %d is still %s", n, brief(list[n])), "it has become "+brief(m))
			}
		}
	},
}, {
	name:   "Write shares its slices",
	says:   "Write neither changes the messages that it is given, nor looks at them when it has returned.",
	breaks: "a message to a room is encoded once, and the same bytes are written to all its members, by many goroutines.",
	check: func(b *bubble) {
		p := b.connect(b.instance())
		returned := make(chan struct{})
		go func() {
			defer close(returned)
			shared := numbered(16)
			b.write(p.session, shared...)
			if !slices.EqualFunc(shared, numbered(16), bytes.Equal) {
				b.fail("the messages are as before", fmt.Sprintf("the first is %s", brief(shared[0])))
			}
			for _, m := range shared { // the next owner may do as it likes
				clear(m)
			}
		}()
		list := texts(numbered(16))
		p.wants(list[0])
		synctest.Wait() // a transport that buffers has returned from Write by now
		p.wants(list[1:]...)
		<-returned
	},
}}

// writes lets the instance write the texts, in the background: there need be no
// buffer on the way.
func (p *peer) writes(list []string) {
	var messages [][]byte
	for _, text := range list {
		messages = append(messages, []byte(text))
	}
	go p.b.write(p.session, messages...)
}

// delivers sends the texts, and waits until the session has been told them all.
func (p *peer) delivers(list []string) {
	for _, text := range list {
		p.send(text)
	}
	p.heard(told(list)...)
}

// told is what a session is told of texts.
func told(list []string) (entries []string) {
	for _, text := range list {
		entries = append(entries, "receive "+text)
	}
	return entries
}

// oddTexts are messages that a transport might take for something else.
func oddTexts() []string {
	var runes strings.Builder
	for _, r := range []rune{0, 0x7F, 0x80, 0x7FF, 0x800, 0x2028, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, utf8.MaxRune} {
		runes.WriteRune(r)
	}
	var controls strings.Builder
	for c := range byte(0x20) {
		controls.WriteByte(c)
	}
	return []string{
		`{"a":"b"}`, "", "\x00", "", "a\x00b", "\n", "\r\n\r\n", " ", " {} \n", "data: 1\n\ndata: 2", "\\n", "%00%", `"`,
		"\uFFFD", "\uFEFF{}", "e\u0301 is not \u00E9", "\U0001F468\u200D\U0001F469", "\u202Ereversed", runes.String(), controls.String(), "null", "[DONE]", "ping", "last",
	}
}

// sizedTexts are messages of all sizes around which lengths are encoded
// otherwise or buffers end, up to the largest.
func sizedTexts(largest int) (list []string) {
	add := func(size int) {
		for _, unit := range []string{"x", "€"} { // of one byte, and of three
			text := strings.Repeat(unit, size/len(unit))
			list = append(list, text+strings.Repeat(".", size-len(text)))
		}
	}
	for _, size := range []int{125, 126, 127, 128, 255, 256, 512, 1000, 1024, 4096, 16 << 10, 32 << 10, 64 << 10, 100_000, 200_000} {
		for n := size - 1; n <= size+1; n++ {
			if n <= largest {
				add(n)
			}
		}
	}
	return list
}
