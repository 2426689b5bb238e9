/** A series is a list of channels, each a list of values over time. The server takes channels last. */

/** Channels of values that are written time step by time step. */
export function toChannels(values, channels) {
  if (channels === 1) return [values];
  return Array.from({ length: channels }, (_, channel) => values.filter((_value, index) => index % channels === channel));
}

/** The JSON of one series: a list of numbers, or of time steps. */
export function toInstance(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_value, step) => channels.map((channel) => channel[step]));
}

/** The channels of the JSON of one series. */
export function fromInstance(instance) {
  if (!Array.isArray(instance[0])) return [instance];
  return instance[0].map((_value, channel) => instance.map((step) => step[channel]));
}
