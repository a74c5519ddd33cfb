package paper

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // decoder
)

// Limits of an image. Documents are made by the thousand, and each carries it.
const (
	MaxImageBytes = 1 << 20
	MaxImageSide  = 4000
	// keptSide is what a longer side is scaled down to: more than 300 dots per
	// inch at the size that logos are printed.
	keptSide = 800
)

// ErrImage is wrapped by every error of [NewImage].
var ErrImage = errors.New("image cannot be used")

// Image is a parsed image. It never changes and may be used in many files.
type Image struct {
	Width, Height int // pixels
	entries       string
	data          []byte
	alpha         []byte // deflated, nil if it is opaque
}

// NewImage parses a PNG or JPEG image. A larger one than a document needs is
// scaled down; one beyond the limits is refused.
func NewImage(data []byte) (*Image, error) {
	if len(data) > MaxImageBytes {
		return nil, fmt.Errorf("%w: %d bytes, %d at most", ErrImage, len(data), MaxImageBytes)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: neither PNG nor JPEG: %w", ErrImage, err)
	}
	if config.Width > MaxImageSide || config.Height > MaxImageSide || config.Width < 1 || config.Height < 1 {
		return nil, fmt.Errorf("%w: %d by %d pixels, %d by %[4]d at most", ErrImage, config.Width, config.Height, MaxImageSide)
	}
	pixels, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrImage, format, err)
	}
	small := max(config.Width, config.Height) <= keptSide
	if format == "jpeg" {
		if _, ok := pixels.(*image.YCbCr); ok && small {
			return photograph(data, config), nil
		}
		if _, ok := pixels.(*image.YCbCr); ok {
			var out bytes.Buffer
			scaled := scale(pixels)
			if err := jpeg.Encode(&out, scaled, &jpeg.Options{Quality: 90}); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrImage, err)
			}
			return photograph(out.Bytes(), image.Config{Width: scaled.Bounds().Dx(), Height: scaled.Bounds().Dy()}), nil
		}
	}
	if !small {
		pixels = scale(pixels)
	}
	return flat(pixels), nil
}

// photograph keeps a JPEG as it is.
func photograph(data []byte, config image.Config) *Image {
	return &Image{Width: config.Width, Height: config.Height, entries: "/ColorSpace/DeviceRGB/Filter/DCTDecode", data: data}
}

// flat is an image as deflated RGB, with its transparency apart.
func flat(pixels image.Image) *Image {
	b := pixels.Bounds()
	rgb := make([]byte, 0, 3*b.Dx()*b.Dy())
	alpha := make([]byte, 0, b.Dx()*b.Dy())
	opaque := true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(pixels.At(x, y)).(color.NRGBA)
			rgb = append(rgb, c.R, c.G, c.B)
			alpha = append(alpha, c.A)
			opaque = opaque && c.A == 255
		}
	}
	img := &Image{Width: b.Dx(), Height: b.Dy(), entries: "/ColorSpace/DeviceRGB/Filter/FlateDecode", data: deflate(rgb)}
	if !opaque {
		img.alpha = deflate(alpha)
	}
	return img
}

// scale shrinks an image until its longer side is keptSide. Each new pixel is
// the mean of those it covers, weighted by their opacity.
func scale(pixels image.Image) *image.NRGBA64 {
	b := pixels.Bounds()
	longer := max(b.Dx(), b.Dy())
	width, height := max(1, b.Dx()*keptSide/longer), max(1, b.Dy()*keptSide/longer)
	out := image.NewNRGBA64(image.Rect(0, 0, width, height))
	for y := range height {
		top, bottom := b.Min.Y+y*b.Dy()/height, b.Min.Y+(y+1)*b.Dy()/height
		for x := range width {
			left, right := b.Min.X+x*b.Dx()/width, b.Min.X+(x+1)*b.Dx()/width
			var red, green, blue, alpha, n uint64
			for v := top; v < bottom; v++ {
				for u := left; u < right; u++ {
					r, g, b, a := pixels.At(u, v).RGBA() // premultiplied
					red, green, blue, alpha, n = red+uint64(r), green+uint64(g), blue+uint64(b), alpha+uint64(a), n+1
				}
			}
			if alpha == 0 {
				continue
			}
			straight := func(sum uint64) uint16 { return uint16(sum * 0xFFFF / alpha) }
			out.SetNRGBA64(x, y, color.NRGBA64{R: straight(red), G: straight(green), B: straight(blue), A: uint16(alpha / n)})
		}
	}
	return out
}

// image is the number of the image's resource.
func (f *File) image(img *Image) int {
	n, ok := f.images[img]
	if !ok {
		n = len(f.imageOrder) + 1
		f.images[img] = n
		f.imageOrder = append(f.imageOrder, img)
	}
	return n
}

func (f *File) imageResources() []byte {
	var out []byte
	for i, img := range f.imageOrder {
		size := fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8", img.Width, img.Height)
		mask := ""
		if img.alpha != nil {
			mask = fmt.Sprintf("/SMask %d 0 R", f.raw(size+"/ColorSpace/DeviceGray/Filter/FlateDecode", img.alpha))
		}
		out = fmt.Appendf(out, "/I%d %d 0 R", i+1, f.raw(size+mask+img.entries, img.data))
	}
	return out
}
