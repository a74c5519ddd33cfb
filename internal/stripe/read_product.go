package stripe

// ReadProduct reads a product or the tombstone of a deleted one. Nothing that is
// read has moved.
func ReadProduct(v Value) Product {
	return Product{
		ID:          ref(v.member("id")),
		Name:        v.member("name").text(),
		Description: v.member("description").text(),
		Active:      v.member("active").Bool(),
		Deleted:     v.member("deleted").Bool(),
		Created:     v.member("created").Time(),
		Metadata:    readMetadata(v.member("metadata")),
	}
}
