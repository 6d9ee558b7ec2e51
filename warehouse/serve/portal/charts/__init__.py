"""Charts: what a page draws, and the picture as a file. Nothing here asks a release; a chart draws what it is given.

What belongs here: a module per kind of chart (:mod:`line`, :mod:`ranking`, :mod:`ages`, :mod:`choropleth`), each a function from figures to
a :class:`~warehouse.serve.portal.charts.chart.Chart`: a Vega-Lite specification, and the text that says what the picture says.
Colours and sizes are in :mod:`theme`, scales in :mod:`scale`, the drawing and its cache in :mod:`drawing`.

A specification is written as Vega-Lite's own JSON, which the tests hold against Vega-Lite's schema: building one costs next
to nothing. What draws it is imported when the first chart is asked for.
"""
