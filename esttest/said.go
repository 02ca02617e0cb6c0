package esttest

// said is what clients can say, as far as is known. A history must not become
// shorter by having them say what the model never would: that would be another
// failure, and perhaps none.
type said map[saying]bool

type saying struct {
	client int
	hello  bool
	text   string
}

// examples is how many texts are generated to see whether one of them is the one.
const examples = 32

// take takes note of what the model has generated.
func (d *said) take(steps []step) {
	if *d == nil {
		*d = said{}
	}
	for i, at := range positions(steps) {
		if at == hello || at == later {
			(*d)[saying{steps[i].conn.client, at == hello, steps[i].text}] = true
		}
	}
}

// could says whether the model may have c say that now.
func could[C, R any](d said, s *sim[C, R], c *conn[C, R], text string) bool {
	this := saying{c.name.client, c.sent == 0, text}
	if can, known := d[this]; known {
		return can
	}
	d[this] = false
	for seed := range examples {
		if other, ok := s.generate(c, seed); ok {
			d[saying{this.client, this.hello, other}] = true
		}
	}
	return d[this]
}
