/** The vocabulary from which the catalogue is generated: changing a word changes the seed's fingerprint. */
export const CATEGORIES = {
  Kitchen: ['kettle', 'bread knife', 'saucepan', 'pepper mill', 'teapot', 'mixing bowl', 'skillet', 'coffee grinder'],
  Desk: ['notebook', 'fountain pen', 'desk lamp', 'paper tray', 'bookend', 'pencil case', 'wall calendar', 'ruler'],
  Garden: ['watering can', 'trowel', 'pruning shears', 'planter', 'bird feeder', 'hose reel', 'seed box', 'rake'],
  Travel: ['rucksack', 'wash bag', 'travel mug', 'luggage tag', 'rain jacket', 'map case', 'neck pillow', 'torch'],
  Home: ['blanket', 'candle holder', 'door mat', 'wall clock', 'storage basket', 'cushion', 'mirror', 'vase'],
  Workshop: ['hammer', 'tape measure', 'chisel', 'spirit level', 'tool roll', 'hand drill', 'file set', 'vice'],
} as const;

/** What things are made of; the second word of a name. */
export const MATERIALS = [
  'Oak',
  'Linen',
  'Copper',
  'Enamel',
  'Wool',
  'Brass',
  'Cork',
  'Slate',
  'Walnut',
  'Canvas',
  'Steel',
  'Clay',
] as const;

/** The ranges; the first word of a name. */
export const STYLES = ['Plain', 'Harbour', 'Meadow', 'Workaday', 'Evening', 'Northern', 'Pocket', 'Grand'] as const;

/** How a review begins. */
export const REVIEW_OPENINGS = [
  'Does what it promises.',
  'A present that was well received.',
  'Heavier than expected, in a good way.',
  'The colour is a little darker than in the picture.',
  'Bought a second one.',
  'After a year of daily use still like new.',
  'Arrived with a scratch, replaced at once.',
  'Not for me, but well made.',
] as const;

/** How a review ends. */
export const REVIEW_ENDINGS = [
  'Would buy again.',
  'Delivery took three days.',
  'The box is worth keeping.',
  'Fits where I wanted it.',
  'A bit dear.',
  'My neighbour has ordered one as well.',
  'Recommended.',
] as const;
