package paper

import (
	"fmt"

	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// Color is red, green and blue.
type Color [3]uint8

// Page is one page.
type Page struct {
	file          *File
	width, height float64
	content       []byte
	links         []link
}

type link struct {
	x, y, width, height float64
	address             string
}

// Width and Height of the page.
func (p *Page) Width() float64  { return p.width }
func (p *Page) Height() float64 { return p.height }

// Box is a place on a page: its upper left corner and its size.
type Box struct{ X, Y, Width, Height float64 }

// Fill paints a box.
func (p *Page) Fill(b Box, c Color) {
	p.color(c, "rg")
	p.numbers(b.X, p.height-b.Y-b.Height, b.Width, b.Height)
	p.content = append(p.content, "re f\n"...)
}

// Rule draws a horizontal line of the given thickness along the top of a box.
func (p *Page) Rule(b Box, thickness float64, c Color) {
	p.Fill(Box{b.X, b.Y - thickness/2, b.Width, thickness}, c)
}

// Image draws an image into a box.
func (p *Page) Image(img *Image, b Box) {
	p.content = append(p.content, "q "...)
	p.numbers(b.Width, 0, 0, b.Height, b.X, p.height-b.Y-b.Height)
	p.content = fmt.Appendf(p.content, "cm /I%d Do Q\n", p.file.image(img))
}

// Link makes a box a link. The address is a URL in ASCII.
func (p *Page) Link(b Box, address string) {
	p.links = append(p.links, link{b.X, b.Y, b.Width, b.Height, address})
}

// Text draws a line of text that begins at x, its baseline at y.
func (p *Page) Text(x, y float64, line typeset.Line, c Color) {
	if len(line.Runs) == 0 {
		return
	}
	p.color(c, "rg")
	y = p.height - y
	for _, run := range line.Runs {
		x += p.run(x, y, run, c)
	}
}

// run draws one run and answers its width.
func (p *Page) run(x, y float64, run typeset.Run, c Color) float64 {
	font := p.file.font(run.Face)
	if run.Reordered {
		p.content = fmt.Appendf(p.content, "/Span<</ActualText%s>>BDC\n", utf16Hex(run.Text))
	}
	p.content = append(p.content, "BT\n"...)
	if run.Thicken {
		p.color(c, "RG")
		p.numbers(run.Size * 0.028)
		p.content = append(p.content, "w 2 Tr\n"...)
	}
	p.content = fmt.Appendf(p.content, "/F%d %s Tf\n", font.number, num(run.Size))
	p.numbers(1, 0, 0, 1, x, y)
	p.content = append(p.content, "Tm\n"...)

	// pen is where the viewer will draw next, in ems; at is where we want it.
	pen, at, rise := 0.0, 0.0, 0.0
	open := false
	for _, g := range run.Glyphs {
		if g.Y != rise {
			if open {
				p.content = append(p.content, ">]TJ\n"...)
				open = false
			}
			p.numbers(g.Y * run.Size)
			p.content = append(p.content, "Ts\n"...)
			rise = g.Y
		}
		if !open {
			p.content = append(p.content, "[<"...)
			open = true
		}
		if gap := at + g.X - pen; gap > 0.0005 || gap < -0.0005 {
			p.content = append(p.content, '>')
			p.content = appendNum(p.content, -gap*1000)
			p.content = append(p.content, '<')
			pen += gap
		}
		p.content = appendHex(p.content, font.use(g))
		pen += font.width(g.ID)
		at += g.Advance
	}
	if open {
		p.content = append(p.content, ">]TJ\n"...)
	}
	if rise != 0 {
		p.content = append(p.content, "0 Ts\n"...)
	}
	if run.Thicken {
		p.content = append(p.content, "0 Tr\n"...)
	}
	p.content = append(p.content, "ET\n"...)
	if run.Reordered {
		p.content = append(p.content, "EMC\n"...)
	}
	return at * run.Size
}

func (p *Page) color(c Color, operator string) {
	for _, v := range c {
		p.content = appendNum(p.content, float64(v)/255)
		p.content = append(p.content, ' ')
	}
	p.content = append(p.content, operator...)
	p.content = append(p.content, '\n')
}

func (p *Page) numbers(values ...float64) {
	for _, v := range values {
		p.content = appendNum(p.content, v)
		p.content = append(p.content, ' ')
	}
}

func appendHex(b []byte, v uint16) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, digits[v>>12], digits[v>>8&15], digits[v>>4&15], digits[v&15])
}
