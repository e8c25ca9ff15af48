/** Networks as CIDR blocks of IPv4. */

/** The first and the last address of a block, as numbers. */
function rangeOf(cidr: string): [first: number, last: number] {
	const [address = "", bits = ""] = cidr.split("/");
	const first = address.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
	return [first, first + 2 ** (32 - Number(bits)) - 1];
}

/** All pairs of blocks that have addresses in common. */
export function overlaps(cidrs: string[]): [string, string][] {
	return cidrs.flatMap((one, at) =>
		cidrs.slice(at + 1).flatMap((other): [string, string][] => {
			const [[first, last], [otherFirst, otherLast]] = [rangeOf(one), rangeOf(other)];
			return first <= otherLast && otherFirst <= last ? [[one, other]] : [];
		}),
	);
}
