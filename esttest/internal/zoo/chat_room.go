package zoo

import "slices"

// reader is the connection data of chat.
type reader struct {
	User   string `json:"user"`
	Room   string `json:"room"`
	Heard  int    `json:"heard"`  // number of the last line that the client was given
	Unread int    `json:"unread"` // of these, how many came since it read or wrote
}

// log is the room state of chat. It outlives its readers.
type log struct {
	Lines []line `json:"lines"` // the latest ones, in order
	Last  int    `json:"last"`  // number of the last line
}

type line struct {
	N    int    `json:"n"`
	User string `json:"user"`
	Text string `json:"text"`
}

// page is what a client gets: the lines that it has not heard, as far as they are
// still kept.
type page struct {
	ID     string `json:"id"` // welcome, said, read, news
	Lines  []line `json:"lines"`
	Last   int    `json:"last"`
	Unread int    `json:"unread"`
}

// rustle is what readers tell each other: that there is a line, or that somebody
// writes one. What the line is, the room says.
type rustle struct {
	Line   int    `json:"line,omitempty"`
	Typing string `json:"typing,omitempty"`
}

// turn is the reader after the next page, and that page.
func (me reader) turn(id string, room log) (reader, page) {
	p := page{ID: id, Lines: room.after(me.Heard), Last: room.Last, Unread: me.Unread + room.Last - me.Heard}
	me.Heard, me.Unread = p.Last, p.Unread
	return me, p
}

// kept is how many lines a room keeps.
const kept = 4

func (r log) with(l line) log {
	lines := append(slices.Clone(r.Lines), l)
	return log{Lines: lines[max(0, len(lines)-kept):], Last: l.N}
}

// after are the lines after number n.
func (r log) after(n int) []line {
	return r.Lines[max(0, len(r.Lines)-(r.Last-n)):]
}
