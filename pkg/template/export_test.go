package template

import "slices"

// Catalogue lists the placeholders a template may use.
func Catalogue() []Placeholder { return slices.Clone(catalogue) }
