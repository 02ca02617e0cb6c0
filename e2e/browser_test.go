package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTwoTabsMeet(t *testing.T) {
	p := start(t, "127.0.0.1:0", 2)
	browser := browser(t)

	dana := open(t, browser, "http://"+p.addrs[0])
	dana.fits("form")
	dana.click("#enter")
	dana.says("#where", "on instance 1")
	dana.says("#dietitian", "Dana (you)")
	dana.says("#client", "free")
	dana.says("#log", "You joined as the dietitian.")
	dana.says("#log", "The client is not here yet.")
	dana.is(`document.querySelector("#send").disabled`)
	dana.fits("alone")

	// The link leads to the other seat, over the other instance.
	href, err := chromedp.Run(dana.ctx, chromedp.Evaluate[string](`document.querySelector("#second").href`))
	if err != nil {
		t.Fatal(err)
	}
	carl := open(t, browser, href)
	carl.click("#enter")
	carl.says("#where", "on instance 2")
	carl.says("#dietitian", "Dana")
	carl.says("#client", "Carl (you)")
	carl.says("#log", "Dana, the dietitian, is here.")
	dana.says("#log", "The client came in.")
	dana.says("#client", "here")

	carl.send("Hello Dana, I kept the food diary for a week, as we agreed. Shall I send it?")
	carl.says("#log .mine small", "✓ sent")
	dana.says("#log .theirs", "Hello Dana, I kept the food diary for a week")
	dana.says("#client", "Carl") // known by now
	dana.send("<b>Please do</b> &amp; thank you")
	dana.says("#log .mine", "<b>Please do</b> &amp; thank you")
	dana.says("#log .mine small", "✓ sent")
	carl.says("#log .theirs", "<b>Please do</b> &amp; thank you")
	carl.is(`!document.querySelector("#log b")`)
	dana.fits("talk")

	carl.click("#leave")
	carl.says("#join", "I am the")
	dana.says("#log", "Carl, the client, went out.")
	dana.says("#client", "free")
	dana.is(`document.querySelector("#send").disabled`)

	carl.click("#enter")
	dana.says("#log li:last-child", "The client came in.")
}

func TestSecondLoginTrumps(t *testing.T) {
	p := start(t, "127.0.0.1:0", 2)
	browser := browser(t)
	first := open(t, browser, "http://"+p.addrs[0]+"?room=garden")
	first.click("#enter")
	first.says("#log", "You joined")

	second := open(t, browser, "http://"+p.addrs[1]+"?room=garden")
	second.click("#enter")
	second.says("#where", "on instance 2")
	first.says("#notice", "You signed in elsewhere, so this tab was signed out.")
	first.says("#again", "Join again")
	first.is(`document.querySelector("#send").disabled`)
	first.fits("trumped")

	// It can be had back, but only if a person says so.
	first.click("#again")
	first.says("#log", "You are back.")
	second.says("#notice", "You signed in elsewhere")
}

func TestRefusalsInWords(t *testing.T) {
	p := start(t, "127.0.0.1:0", 2)
	browser := browser(t)
	dana := open(t, browser, "http://"+p.addrs[0])
	dana.fill("auth", "guess")
	dana.click("#enter")
	dana.says("#notice", "That password is not right.")
	dana.fits("password")
	dana.fill("auth", "secret")
	dana.click("#enter")
	dana.says("#log", "You joined as the dietitian.")
	dana.is(`document.querySelector("#notice").hidden`)

	mallory := open(t, browser, "http://"+p.addrs[1])
	mallory.fill("user", "Mallory")
	mallory.click("#enter")
	mallory.says("#notice", "Somebody else is the dietitian in this room. Take the other role, or another room.")
	mallory.fits("full")
	mallory.click("[name=role][value=client] + span")
	mallory.click("#enter")
	mallory.says("#log", "Dana, the dietitian, is here.")
	mallory.says("#client", "Mallory (you)")
}

// TestConnectionLost takes the server away, brings it back, and expects the page
// to come back by itself.
func TestConnectionLost(t *testing.T) {
	p := start(t, "127.0.0.1:0", 1)
	dana := open(t, browser(t), "http://"+p.addrs[0])
	dana.click("#enter")
	dana.says("#log", "You joined as the dietitian.")

	p.stop()
	dana.says("#notice", "The connection was lost. Trying again in")
	dana.fits("lost")
	start(t, p.addrs[0], 1)
	dana.says("#log", "You are back.")
	dana.is(`document.querySelector("#notice").hidden`)
	dana.says("#dietitian", "Dana (you)")
}
