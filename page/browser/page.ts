/** The page's elements. */

/** The element with an id, which the page has. */
export function byId<E extends HTMLElement>(id: string): E {
	const element = document.getElementById(id);
	if (!element) throw new Error(`The page has no element "${id}".`);
	return element as E;
}
