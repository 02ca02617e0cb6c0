package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser starts a headless Chromium for a test and answers with its context.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const how = "no Chromium on the PATH: apt-get install chromium, or install Google Chrome"
		if os.Getenv("CI") != "" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // or it would not run as root
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	// Not t.Context, which ends before the browser can be closed in good order.
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { // waits until it is gone, before its folder goes
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is a tab of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open opens url in a new tab, and waits for the form.
func open(t *testing.T, browser context.Context, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	b := &tab{t, ctx}
	messages, over := chromedp.Console(ctx), make(chan struct{})
	t.Cleanup(func() { cancel(); <-over })
	go func() { // ends with the tab
		defer close(over)
		for m, err := range messages {
			if err == nil && (m.IsException() || m.Source == "security") {
				t.Errorf("%s complains: %s", url, m)
			}
		}
	}()
	b.do("open "+url, chromedp.Navigate(url))
	b.until(`!document.querySelector("#enter").disabled`)
	return b
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// until waits until a condition of the page holds, without looking more often
// than the page changes.
func (b *tab) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((done) => {
		const look = () => { if (%s) { watch.disconnect(); done(true); } };
		const watch = new MutationObserver(look);
		watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
	})`, condition), chromedp.EvalAwaitPromise))
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.t.Fatalf("it never came that %s (%v); the page says:\n%s", condition, err, text)
	}
}

// says waits until an element that a person can see has these words in it.
func (b *tab) says(selector, words string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.checkVisibility() && e.innerText.includes(%q))`, selector, words))
}

// is fails unless a condition of the page holds now.
func (b *tab) is(condition string) {
	b.t.Helper()
	ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition))
	if err != nil || !ok {
		b.t.Errorf("it is not so that %s (%v)", condition, err)
	}
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// fill replaces what a field of the form has in it.
func (b *tab) fill(field, value string) {
	b.t.Helper()
	selector := fmt.Sprintf("[name=%s]", field)
	b.do("fill "+field,
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).select()`, selector)),
		chromedp.SendKeys(chromedp.CSS(selector), value))
}

// send writes a message and presses Enter.
func (b *tab) send(words string) {
	b.t.Helper()
	b.do("send", chromedp.SendKeys(chromedp.CSS("#text"), words), chromedp.KeyEvent("\r"))
}

// fits looks at the page on a phone and at a desk, by day and by night. It fails if
// the page is wider than the screen, and with -artifacts it keeps pictures.
func (b *tab) fits(name string) {
	b.t.Helper()
	keep := flag.Lookup("test.artifacts").Value.String() == "true"
	for screen, width := range map[string]int64{"phone": 360, "desk": 1100} {
		b.do("resize", chromedp.EmulateViewport(width, 760))
		b.is(`document.documentElement.scrollWidth <= innerWidth`)
		b.is(`document.activeElement === document.body || document.activeElement.checkVisibility()`)
		for _, scheme := range []string{"light", "dark"} {
			if !keep {
				continue
			}
			_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			if err != nil {
				b.t.Fatal(err)
			}
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				b.t.Fatal(err)
			}
			file := filepath.Join(b.t.ArtifactDir(), strings.Join([]string{name, screen, scheme}, "-")+".png")
			if err := os.WriteFile(file, picture, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
