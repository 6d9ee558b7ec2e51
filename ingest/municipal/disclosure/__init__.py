"""Disclosure control: what may be published of a municipal source, judged against all that was published of it before."""
