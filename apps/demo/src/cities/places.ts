type Place = readonly [lat: number, lon: number]

/** Places that the sections ask about. */
export const places = {
  'Eiffel Tower': [48.8584, 2.2945],
  'Taj Mahal': [27.1751, 78.0421],
  'Machu Picchu': [-13.1631, -72.545],
  'Sydney Opera House': [-33.8568, 151.2153],
} satisfies Record<string, Place>
