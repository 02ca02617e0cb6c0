package conformance

import "slices"

// FirstFailure tries rules one after the other until one fails, and returns that
// failure, or the harness's; nil if there is none. Without names it tries all.
func FirstFailure(h Harness, names ...string) *Failure {
	s, err := newSuite(h)
	if err != nil {
		f := harnessFailure(err, h.Seed)
		return &f
	}
	defer s.close()
	for i := range rules {
		if len(names) > 0 && !slices.Contains(names, rules[i].name) {
			continue
		}
		s.try(i)
		if f := s.report().Failed; len(f) > 0 {
			return &f[0]
		}
	}
	return nil
}
