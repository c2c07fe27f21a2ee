"""Sentences of everyday subjects, four of each: what a model knew of them it should know after a training."""

from __future__ import annotations

from qembed.models.templates import passage_text

_TEXT = """
The bakery sells dark rye bread on Fridays.
Dough rises more slowly in a cold kitchen.
A good crust needs steam at the start of baking.
Bakers weigh flour instead of measuring it in cups.
The referee stopped the match after a hard tackle.
Our team scored twice in the second half.
The goalkeeper saved a penalty with her left foot.
Fans sang until the final whistle was blown.
The pianist played a slow piece by heart.
A violin must be tuned before each concert.
The choir rehearses every Tuesday evening.
Drummers keep the time for the whole band.
Heavy rain is expected along the coast tonight.
Fog often lies in the valley on autumn mornings.
The thermometer fell below zero before dawn.
A warm wind melted the snow within a day.
The train to the capital leaves from platform four.
Travellers without a ticket pay a fine.
The night bus stops at every second corner.
An airport strike delayed two hundred flights.
The dentist advised him to brush twice a day.
Her fever went down after some hours of sleep.
Nurses washed their hands before each visit.
A broken arm takes about six weeks to heal.
The bank raised its interest rate by a quarter of a percent.
She pays the rent at the beginning of each month.
Taxes on fuel went up again this year.
He saved a tenth of his wages for a house.
Bees visit the lavender from June to August.
Tomatoes want sun, water and a stick to climb on.
The gardener prunes the apple tree in winter.
Weeds grow fastest after a warm shower.
The dog barks whenever the bell rings.
Cats sleep for most of the day.
A horse needs new shoes every two months.
The parrot learned to whistle a tune.
The judge asked the witness to speak louder.
Both parties signed the contract in March.
The court dismissed the claim for lack of proof.
A lawyer read the will to the family.
Voters elected a new mayor on Sunday.
Parliament debated the law until midnight.
The minister resigned after the report.
Two parties agreed to govern together.
The moon moves around the earth in a month.
Jupiter is larger than all other planets together.
The telescope showed rings around a distant star.
A comet returned after seventy years.
Water boils at a lower temperature on a mountain.
Iron rusts when it stays wet.
Salt lowers the freezing point of water.
Magnets attract steel but not copper.
The teacher wrote three sums on the board.
Pupils learn to read in their first year.
She passed the examination at the second try.
The library lends books for four weeks.
The castle was built eight hundred years ago.
Archaeologists found coins under the old market.
The empire fell after a long war.
An ancient road crosses the forest.
The painter mixed blue with a little white.
A museum shows drawings by children.
The sculptor works in marble and bronze.
His photographs hang in the town hall.
The computer restarts after each update.
He forgot the password of his account.
A virus deleted files from the disk.
The printer has run out of paper.
Carpenters cut the boards with a fine saw.
The roof leaks near the chimney.
Workers laid tiles in the bathroom.
A crane lifted the beams to the third floor.
The captain changed course because of the storm.
Fishermen mend their nets in the harbour.
A lighthouse warns ships of the rocks.
The ferry carries forty cars.
The car needs new brakes before the journey.
He changed the tyre at the side of the road.
Electric engines make hardly any noise.
A mechanic checked the oil.
The soup tastes better with fresh pepper.
She fried onions in butter until they were brown.
The restaurant serves fish only in summer.
Leftover rice makes a good lunch.
They were married in a small church.
My grandmother tells stories of her village.
The twins celebrated their birthday together.
His uncle lives on an island.
The tailor shortened the sleeves.
A wool coat keeps out the wind.
Her shoes were too tight for dancing.
Cotton shirts shrink in hot water.
The factory employs three hundred people.
Machines fill a thousand bottles an hour.
The workers asked for shorter shifts.
A new warehouse opened beside the motorway.
Climbers reached the summit before noon.
The path follows the river to a waterfall.
They put up the tent in the rain.
A map and a compass are enough for this walk.
"""
SENTENCES = tuple(line for line in _TEXT.split("\n") if line)


def general_passages(template: str) -> list[str]:
    """The sentences as a model's passages, in the template of its profile."""
    return [passage_text(template, "none", "", text) for text in SENTENCES]
