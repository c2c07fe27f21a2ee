package index

import "sort"

type node struct {
	next   map[rune]*node
	weight int
	word   bool
}

type Completer struct {
	root node
}

func (c *Completer) Insert(word string, weight int) {
	at := &c.root
	for _, r := range word {
		if at.next == nil {
			at.next = make(map[rune]*node)
		}
		child := at.next[r]
		if child == nil {
			child = &node{}
			at.next[r] = child
		}
		at = child
	}
	at.word = true
	at.weight += weight
}

type Hit struct {
	Word   string
	Weight int
}

func (c *Completer) Complete(typed string, max int) []Hit {
	at := &c.root
	for _, r := range typed {
		at = at.next[r]
		if at == nil {
			return nil
		}
	}
	var hits []Hit
	var walk func(n *node, text string)
	walk = func(n *node, text string) {
		if n.word {
			hits = append(hits, Hit{text, n.weight})
		}
		for r, child := range n.next {
			walk(child, text+string(r))
		}
	}
	walk(at, typed)
	sort.Slice(hits, func(i, j int) bool {
		if hits[i].Weight != hits[j].Weight {
			return hits[i].Weight > hits[j].Weight
		}
		return hits[i].Word < hits[j].Word
	})
	if len(hits) > max {
		hits = hits[:max]
	}
	return hits
}
