// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/detail/scenes.h"

namespace gnomon::detail {
namespace {

// Within a topic everything must go with everything (scenes.h); read some draws after a
// change. A change of any word changes the texts that a seed gives.
// clang-format off
constexpr Topic kTopics[] = {
    {
        .id = "weather",
        .agents = {{
          {"forecaster", "forecasters"}, {"sailor", "sailors"}, {"farmer", "farmers"},
          {"pilot", "pilots"}, {"hiker", "hikers"}, {"fisherman", "fishermen"},
          {"mountain guide", "mountain guides"}, {"reporter", "reporters"}
        }},
        .things = {{
          {"storm", "storms"}, {"cloud", "clouds"}, {"umbrella", "umbrellas"},
          {"rainbow", "rainbows"}, {"icicle", "icicles"}, {"snowdrift", "snowdrifts"},
          {"puddle", "puddles"}, {"weather map", "weather maps"}, {"raincoat", "raincoats"},
          {"wave", "waves"}
        }},
        .adjectives = {{
          "enormous", "strange", "unexpected", "impressive", "ugly", "beautiful", "tiny",
          "ordinary"
        }},
        .handled = {{
          "spotted", "photographed", "reported", "mentioned", "forgotten", "ignored"
        }},
        .actions = {{
          {"check", "checks", "checked", "checked", "checking",
           {{"the forecast", "the barometer", "the radar", "the rain gauge",
           "the wind direction"}}},
          {"measure", "measures", "measured", "measured", "measuring",
           {{"the rainfall", "the wind speed", "the humidity", "the air pressure",
           "the depth of the snow"}}},
          {"close", "closes", "closed", "closed", "closing",
           {{"the shutters", "the greenhouse", "the harbour gates", "the skylight",
           "the mountain road"}}},
          {"watch", "watches", "watched", "watched", "watching",
           {{"the clouds", "the lightning", "the sunset", "the waves", "the horizon"}}},
          {"cancel", "cancels", "cancelled", "cancelled", "cancelling",
           {{"the boat trip", "the picnic", "the outdoor concert", "the flight", "the hike"}}},
          {"sweep", "sweeps", "swept", "swept", "sweeping",
           {{"the snow off the roof", "the water out of the cellar", "the leaves off the path",
           "the ice off the steps", "the mud off the porch"}}},
          {"cover", "covers", "covered", "covered", "covering",
           {{"the boats", "the tomato plants", "the woodpile", "the hay", "the car"}}},
          {"warn", "warns", "warned", "warned", "warning",
           {{"the neighbours", "the swimmers", "the campers", "the ferry crew", "the school"}}},
        }},
        .events = {{
          "the river burst its banks", "the fog refused to lift",
          "the temperature dropped below freezing", "lightning struck the church tower",
          "the first snow fell overnight", "the wind tore the roof off the barn",
          "it rained for nine days", "the sun came out at last"
        }},
        .happenings = {{
          "the storm", "the heatwave", "the flood", "the drought", "the cold spell",
          "the monsoon"
        }},
        .places = {{
          "in the valley", "at the harbour", "on the coast", "near the airport",
          "on the mountain pass", "at the weather station", "along the river", "on the island"
        }},
        .themes = {{
          "rainfall", "climate change", "the jet stream", "coastal fog", "wind power", "sea ice"
        }},
        .measures = {{
          {"wind speed", "kilometres per hour", 20, 140},
          {"average rainfall", "millimetres", 12, 240},
          {"water level", "centimetres", 40, 310},
        }},
        .remarks = {{
          "I have never seen so much rain", "the worst is behind us",
          "you should have brought a coat", "it will clear up by lunchtime",
          "my grandmother could smell snow coming", "we lost half of the harvest",
          "nobody trusts the forecast any more", "the sea looks calm today"
        }},
        .complaints = {{
          "the roof is leaking again", "the forecast is wrong every day",
          "the road is covered in ice", "the cellar is full of water", "the wind keeps us awake",
          "the bus shelter has no roof", "the windows do not close", "the garden is under water"
        }},
    },
    {
        .id = "travel",
        .agents = {{
          {"traveller", "travellers"}, {"tour guide", "tour guides"},
          {"conductor", "conductors"}, {"taxi driver", "taxi drivers"},
          {"flight attendant", "flight attendants"}, {"customs officer", "customs officers"},
          {"tourist", "tourists"}, {"hotel owner", "hotel owners"}
        }},
        .things = {{
          {"suitcase", "suitcases"}, {"passport", "passports"}, {"ticket", "tickets"},
          {"map", "maps"}, {"guidebook", "guidebooks"}, {"postcard", "postcards"},
          {"rucksack", "rucksacks"}, {"tent", "tents"}, {"camera", "cameras"},
          {"souvenir", "souvenirs"}
        }},
        .adjectives = {{
          "expensive", "cheap", "old", "shabby", "tiny", "beautiful", "useless", "unusual"
        }},
        .handled = {{
          "lost", "found", "stolen", "checked", "photographed", "left behind"
        }},
        .actions = {{
          {"book", "books", "booked", "booked", "booking",
           {{"a room with a view", "the night train", "two seats by the window",
           "the last ferry", "a guided tour"}}},
          {"photograph", "photographs", "photographed", "photographed", "photographing",
           {{"the cathedral", "the old bridge", "the street musicians", "the lighthouse",
           "the painted doors"}}},
          {"pack", "packs", "packed", "packed", "packing",
           {{"the suitcases", "the tent", "a small rucksack", "the camera", "the warm clothes"}}},
          {"cross", "crosses", "crossed", "crossed", "crossing",
           {{"the border", "the desert", "the river", "the mountains", "the bay by boat"}}},
          {"change", "changes", "changed", "changed", "changing",
           {{"the tickets", "the money", "the reservation", "the route", "the dates"}}},
          {"explore", "explores", "explored", "explored", "exploring",
           {{"the old town", "the market", "the castle", "the back streets", "the coast"}}},
          {"order", "orders", "ordered", "ordered", "ordering",
           {{"the local dish", "a taxi to the station", "another coffee", "a map of the city",
           "the breakfast for two"}}},
          {"rent", "rents", "rented", "rented", "renting",
           {{"a car", "two bicycles", "a flat near the beach", "a small boat", "an audio guide"}}},
        }},
        .events = {{
          "the train left without us", "the airline lost every bag",
          "the hotel turned out to be closed", "the ferry broke down halfway",
          "the border reopened at midnight", "a stranger paid for our coffee",
          "the road ended at a lake", "the bus driver took a wrong turn"
        }},
        .happenings = {{
          "the strike", "the school trip", "the cruise", "the road trip", "the pilgrimage",
          "the holiday"
        }},
        .places = {{
          "at the border", "at the airport", "in the old town", "on the night train",
          "near the station", "at the hotel", "on the beach", "in the mountains"
        }},
        .themes = {{
          "tourism", "jet lag", "travel insurance", "hotel food", "rail travel",
          "airport security"
        }},
        .measures = {{
          {"average delay", "minutes", 6, 190},
          {"number of visitors", "thousand", 30, 950},
          {"length of the journey", "kilometres", 80, 1400},
        }},
        .remarks = {{
          "we should have taken the train", "the view is worth every step",
          "I left my heart in that town", "your passport expired last year",
          "the best meal cost almost nothing", "nobody told us about the strike",
          "my bag arrived three days late", "this is not the room we booked"
        }},
        .complaints = {{
          "the air conditioning does not work", "the flight is delayed again",
          "our room smells of paint", "the bus never stops here", "my seat is broken",
          "the queue does not move", "the map is out of date", "there is no hot water"
        }},
    },
    {
        .id = "science",
        .agents = {{
          {"biologist", "biologists"}, {"physicist", "physicists"},
          {"astronomer", "astronomers"}, {"student", "students"},
          {"laboratory assistant", "laboratory assistants"}, {"chemist", "chemists"},
          {"geologist", "geologists"}, {"engineer", "engineers"}
        }},
        .things = {{
          {"microscope", "microscopes"}, {"telescope", "telescopes"}, {"fossil", "fossils"},
          {"crystal", "crystals"}, {"sample", "samples"}, {"meteorite", "meteorites"},
          {"test tube", "test tubes"}, {"skeleton", "skeletons"}, {"magnet", "magnets"},
          {"diagram", "diagrams"}
        }},
        .adjectives = {{
          "rare", "fragile", "heavy", "mysterious", "ancient", "precious", "tiny", "remarkable"
        }},
        .handled = {{
          "weighed", "examined", "mislabelled", "damaged", "photographed", "put away"
        }},
        .actions = {{
          {"repeat", "repeats", "repeated", "repeated", "repeating",
           {{"the experiment", "the calculation", "the blood test", "the measurement",
           "the whole procedure"}}},
          {"analyse", "analyses", "analysed", "analysed", "analysing",
           {{"the data", "the samples", "the signal from space", "the chemical residue",
           "the soil"}}},
          {"publish", "publishes", "published", "published", "publishing",
           {{"the results", "the full data set", "a short correction", "the star catalogue",
           "the review"}}},
          {"calibrate", "calibrates", "calibrated", "calibrated", "calibrating",
           {{"the sensor", "the telescope", "the scales", "the laser", "the thermometer"}}},
          {"observe", "observes", "observed", "observed", "observing",
           {{"the eclipse", "the cells", "the comet", "the reaction", "the colony of ants"}}},
          {"question", "questions", "questioned", "questioned", "questioning",
           {{"the theory", "the conclusions", "the method", "the sample size",
           "the old assumption"}}},
          {"draw", "draws", "drew", "drawn", "drawing",
           {{"a graph", "a map of the sky", "the structure of the molecule",
           "the wrong conclusion on purpose", "a diagram of the cell"}}},
          {"clean", "cleans", "cleaned", "cleaned", "cleaning",
           {{"the lenses", "the glassware", "the laboratory bench", "the filter", "the fossils"}}},
        }},
        .events = {{
          "the experiment failed twice", "the signal disappeared",
          "a power cut stopped the freezer", "the comet returned",
          "two teams reached the same result", "the liquid turned blue",
          "the satellite sent its first image", "the error was found in a single line"
        }},
        .happenings = {{
          "the eclipse", "the conference", "the expedition", "the meteor shower", "the trial",
          "the research project"
        }},
        .places = {{
          "in the laboratory", "at the observatory", "under the microscope", "at the university",
          "on the research ship", "in the desert", "at the space centre", "in the museum"
        }},
        .themes = {{
          "gravity", "dark matter", "peer review", "evolution", "quantum theory", "statistics"
        }},
        .measures = {{
          {"surface temperature", "degrees", 15, 480},
          {"sample mass", "grams", 20, 760},
          {"signal strength", "millivolts", 12, 330},
        }},
        .remarks = {{
          "the data do not support that", "we have to start again", "I checked it three times",
          "nobody expected this result", "a good question is worth a year",
          "it works only when you are not looking", "the effect is small but real",
          "the textbook is wrong"
        }},
        .complaints = {{
          "the microscope is out of order", "someone has moved the samples",
          "the freezer is making a strange noise", "the results make no sense",
          "the printer has run out of ink", "the sink is blocked", "nobody labels the bottles",
          "the laboratory is too cold"
        }},
    },
    {
        .id = "cooking",
        .agents = {{
          {"chef", "chefs"}, {"baker", "bakers"}, {"waiter", "waiters"}, {"butcher", "butchers"},
          {"cook", "cooks"}, {"guest", "guests"}, {"food critic", "food critics"},
          {"dishwasher", "dishwashers"}
        }},
        .things = {{
          {"cake", "cakes"}, {"soup", "soups"}, {"pie", "pies"}, {"sandwich", "sandwiches"},
          {"pancake", "pancakes"}, {"omelette", "omelettes"}, {"dumpling", "dumplings"},
          {"salad", "salads"}, {"cheese", "cheeses"}, {"pudding", "puddings"}
        }},
        .adjectives = {{
          "delicious", "salty", "sweet", "greasy", "cold", "burnt", "simple", "spicy"
        }},
        .handled = {{
          "eaten", "served", "ordered", "praised", "sent back", "thrown away"
        }},
        .actions = {{
          {"chop", "chops", "chopped", "chopped", "chopping",
           {{"the onions", "the herbs", "the carrots", "the walnuts", "the garlic"}}},
          {"bake", "bakes", "baked", "baked", "baking",
           {{"the bread", "an apple pie", "two trays of biscuits", "a birthday cake",
           "the potatoes"}}},
          {"taste", "tastes", "tasted", "tasted", "tasting",
           {{"the sauce", "the soup", "the olives", "the new dessert", "the broth"}}},
          {"stir", "stirs", "stirred", "stirred", "stirring",
           {{"the porridge", "the risotto", "the custard", "the melted chocolate", "the stew"}}},
          {"season", "seasons", "seasoned", "seasoned", "seasoning",
           {{"the fish", "the lamb", "the beans", "the salad", "the roast"}}},
          {"serve", "serves", "served", "served", "serving",
           {{"the starters", "the lemon tart", "the noodles", "the curry", "the ice cream"}}},
          {"peel", "peels", "peeled", "peeled", "peeling",
           {{"the apples", "the ginger", "the potatoes", "the prawns", "the oranges"}}},
          {"wash", "washes", "washed", "washed", "washing",
           {{"the rice", "the lettuce", "the mushrooms", "the copper pans", "the berries"}}},
        }},
        .events = {{
          "the milk boiled over", "the oven broke down", "the guests arrived an hour early",
          "the kitchen filled with smoke", "somebody dropped the eggs",
          "the dough refused to rise", "the knife slipped", "the butter melted in the sun"
        }},
        .happenings = {{
          "the dinner party", "the cookery course", "the wedding feast", "the food festival",
          "the harvest supper", "the fast"
        }},
        .places = {{
          "in the kitchen", "at the market", "in the bakery", "at the table by the window",
          "on the terrace", "in the canteen", "at the food stall", "in the hotel restaurant"
        }},
        .themes = {{
          "fresh bread", "home cooking", "olive oil", "street food", "good coffee",
          "fermentation"
        }},
        .measures = {{
          {"oven temperature", "degrees", 90, 240},
          {"baking time", "minutes", 12, 130},
          {"amount of flour", "grams", 150, 900},
        }},
        .remarks = {{
          "it needs a little more salt", "dinner is almost ready",
          "my mother never used a recipe", "who ate the last slice",
          "the secret is in the stock", "we are out of butter", "it tastes better the next day",
          "please stop opening the oven"
        }},
        .complaints = {{
          "the soup is cold", "the fish smells odd", "the oven is too slow",
          "there is a hair in the rice", "the knives are blunt", "the waiter ignores us",
          "the bread is stale", "the milk has turned sour"
        }},
    },
    {
        .id = "sport",
        .agents = {{
          {"goalkeeper", "goalkeepers"}, {"coach", "coaches"}, {"runner", "runners"},
          {"referee", "referees"}, {"swimmer", "swimmers"}, {"cyclist", "cyclists"},
          {"tennis player", "tennis players"}, {"captain", "captains"}
        }},
        .things = {{
          {"trophy", "trophies"}, {"medal", "medals"}, {"racket", "rackets"},
          {"helmet", "helmets"}, {"scoreboard", "scoreboards"}, {"jersey", "jerseys"},
          {"whistle", "whistles"}, {"stopwatch", "stopwatches"}, {"banner", "banners"},
          {"surfboard", "surfboards"}
        }},
        .adjectives = {{
          "shiny", "battered", "heavy", "famous", "cheap", "brand-new", "enormous", "ugly"
        }},
        .handled = {{
          "damaged", "hidden", "stolen", "repaired", "auctioned", "given away"
        }},
        .actions = {{
          {"win", "wins", "won", "won", "winning",
           {{"the final", "the first set", "the bronze medal", "the race", "the cup"}}},
          {"train", "trains", "trained", "trained", "training",
           {{"the juniors", "the reserve team", "the new striker", "the relay team",
           "the beginners"}}},
          {"watch", "watches", "watched", "watched", "watching",
           {{"the replay", "the penalty shoot-out", "the women's final", "the opening ceremony",
           "the match"}}},
          {"tape", "tapes", "taped", "taped", "taping",
           {{"the sore ankle", "the racket handle", "the injured finger", "the goalpost",
           "the boxing gloves"}}},
          {"kick", "kicks", "kicked", "kicked", "kicking",
           {{"the ball over the fence", "the winning penalty", "the water bottle",
           "the ball into the net", "the free kick"}}},
          {"swim", "swims", "swam", "swum", "swimming",
           {{"forty lengths", "the last leg", "the butterfly race", "a mile",
           "the warm-up lengths"}}},
          {"sign", "signs", "signed", "signed", "signing",
           {{"the contract", "the shirts", "the scorecard", "the match ball", "the programme"}}},
          {"practise", "practises", "practised", "practised", "practising",
           {{"the serve", "the high jump", "the sprint start", "the corner kick",
           "the long pass"}}},
        }},
        .events = {{
          "the referee stopped the game", "the striker missed the penalty",
          "rain flooded the pitch", "the crowd began to sing",
          "the favourite lost in the first round", "the captain broke his wrist",
          "a dog ran across the field", "the floodlights went out"
        }},
        .happenings = {{
          "the tournament", "the marathon", "the season", "the world cup", "the training camp",
          "the final"
        }},
        .places = {{
          "at the stadium", "on the pitch", "in the changing room", "at the finish line",
          "by the pool", "on the track", "in the gym", "behind the goal"
        }},
        .themes = {{
          "team spirit", "women's football", "fair play", "stamina", "doping",
          "the transfer market"
        }},
        .measures = {{
          {"average speed", "kilometres per hour", 9, 62},
          {"attendance", "thousand", 3, 88},
          {"resting heart rate", "beats per minute", 38, 96},
        }},
        .remarks = {{
          "we never gave up", "the better team lost today", "my legs feel like lead",
          "that was never a foul", "she trains harder than anyone", "we play for the supporters",
          "the second half was a disaster", "records are made to be broken"
        }},
        .complaints = {{
          "the pitch is a swamp", "the showers are cold", "our coach shouts too much",
          "the ball is flat", "the tickets cost a fortune", "the scoreboard is wrong",
          "my knee hurts", "the gym is always full"
        }},
    },
    {
        .id = "business",
        .agents = {{
          {"manager", "managers"}, {"accountant", "accountants"}, {"director", "directors"},
          {"shareholder", "shareholders"}, {"consultant", "consultants"}, {"intern", "interns"},
          {"trade unionist", "trade unionists"}, {"shopkeeper", "shopkeepers"}
        }},
        .things = {{
          {"contract", "contracts"}, {"invoice", "invoices"}, {"office", "offices"},
          {"warehouse", "warehouses"}, {"factory", "factories"}, {"brochure", "brochures"},
          {"budget", "budgets"}, {"report", "reports"}, {"logo", "logos"},
          {"catalogue", "catalogues"}
        }},
        .adjectives = {{
          "profitable", "expensive", "outdated", "modest", "controversial", "successful", "dull",
          "confusing"
        }},
        .handled = {{
          "copied", "sold", "reviewed", "approved", "rejected", "mentioned"
        }},
        .actions = {{
          {"sign", "signs", "signed", "signed", "signing",
           {{"the contract", "the lease", "the cheque", "the merger papers",
           "the loan agreement"}}},
          {"hire", "hires", "hired", "hired", "hiring",
           {{"a new secretary", "two lawyers", "an architect", "more drivers",
           "a night watchman"}}},
          {"postpone", "postpones", "postponed", "postponed", "postponing",
           {{"the meeting", "the product launch", "the interviews", "the payment", "the audit"}}},
          {"negotiate", "negotiates", "negotiated", "negotiated", "negotiating",
           {{"the price", "a pay rise", "the delivery date", "a discount",
           "the terms of the sale"}}},
          {"open", "opens", "opened", "opened", "opening",
           {{"a second branch", "the annual report", "a shop in the harbour", "the tender",
           "the new canteen"}}},
          {"count", "counts", "counted", "counted", "counting",
           {{"the stock", "the day's takings", "the unsold chairs", "the votes",
           "the empty boxes"}}},
          {"present", "presents", "presented", "presented", "presenting",
           {{"the sales figures", "the new logo", "the five-year plan", "the budget",
           "the prototype"}}},
          {"answer", "answers", "answered", "answered", "answering",
           {{"the complaint", "the tax office", "the angry customer", "forty letters",
           "the auditors"}}},
        }},
        .events = {{
          "the share price collapsed", "the biggest customer left", "the bank refused the loan",
          "sales doubled in a month", "the founder resigned", "the factory closed for good",
          "a rival copied the design", "the tax inspector called"
        }},
        .happenings = {{
          "the strike", "the merger", "the recession", "the trade fair", "the audit",
          "the price war"
        }},
        .places = {{
          "at headquarters", "in the boardroom", "at the warehouse", "in the canteen",
          "at the trade fair", "on the factory floor", "in the lift", "at the bank"
        }},
        .themes = {{
          "inflation", "customer service", "cash flow", "overtime", "foreign trade",
          "corporate culture"
        }},
        .measures = {{
          {"quarterly profit", "million euros", 2, 74},
          {"staff turnover", "percent", 3, 45},
          {"order backlog", "days", 8, 210},
        }},
        .remarks = {{
          "the numbers speak for themselves", "we cannot lower the price again",
          "my door is always open", "the customer is not always right",
          "that meeting could have been a letter", "we grew too fast",
          "nobody reads the small print", "I started with one van"
        }},
        .complaints = {{
          "the invoice is wrong", "the delivery is late", "nobody answers the telephone",
          "the chairs are uncomfortable", "the heating is switched off",
          "my salary has not arrived", "the meeting never ends", "the lift is out of order"
        }},
    },
    {
        .id = "history",
        .agents = {{
          {"historian", "historians"}, {"archaeologist", "archaeologists"},
          {"archivist", "archivists"}, {"museum guide", "museum guides"},
          {"soldier", "soldiers"}, {"teacher", "teachers"}, {"monk", "monks"},
          {"collector", "collectors"}
        }},
        .things = {{
          {"castle", "castles"}, {"coin", "coins"}, {"letter", "letters"}, {"sword", "swords"},
          {"manuscript", "manuscripts"}, {"statue", "statues"}, {"temple", "temples"},
          {"portrait", "portraits"}, {"helmet", "helmets"}, {"tomb", "tombs"}
        }},
        .adjectives = {{
          "medieval", "ruined", "priceless", "forgotten", "magnificent", "mysterious", "fake",
          "Roman"
        }},
        .handled = {{
          "restored", "discovered", "sold", "described", "stolen", "buried"
        }},
        .actions = {{
          {"study", "studies", "studied", "studied", "studying",
           {{"the ruins", "the peasant uprising", "the royal letters", "the trade routes",
           "the old city walls"}}},
          {"excavate", "excavates", "excavated", "excavated", "excavating",
           {{"the Roman bath", "the burial mound", "the harbour wall", "a bronze-age village",
           "the crypt"}}},
          {"translate", "translates", "translated", "translated", "translating",
           {{"the inscription", "the treaty", "the queen's diary", "a Latin poem",
           "the chronicle"}}},
          {"restore", "restores", "restored", "restored", "restoring",
           {{"the fresco", "the chapel", "the old mill", "the portrait of the duke",
           "the mosaic"}}},
          {"visit", "visits", "visited", "visited", "visiting",
           {{"the battlefield", "the archive", "the palace", "the war cemetery",
           "the monastery"}}},
          {"date", "dates", "dated", "dated", "dating",
           {{"the manuscript", "the coins", "the wooden beams", "the pottery", "the skeleton"}}},
          {"collect", "collects", "collected", "collected", "collecting",
           {{"the medals", "the eyewitness accounts", "the old maps", "the ration books",
           "the photographs of the siege"}}},
          {"describe", "describes", "described", "described", "describing",
           {{"the coronation", "the plague year", "the first railway", "the fall of the city",
           "the peace talks"}}},
        }},
        .events = {{
          "the empire fell apart", "the king fled in disguise",
          "the city surrendered without a fight", "the plague reached the port",
          "the library burned down", "workers found a grave under the street",
          "the treaty was signed", "the last witness died"
        }},
        .happenings = {{
          "the war", "the siege", "the revolution", "the famine", "the occupation",
          "the golden age"
        }},
        .places = {{
          "in the archive", "at the castle", "near the city wall", "in the museum",
          "on the battlefield", "under the cathedral", "in the capital", "at the excavation site"
        }},
        .themes = {{
          "the slave trade", "oral history", "feudal law", "the printing press", "colonial rule",
          "the silk road"
        }},
        .measures = {{
          {"number of inhabitants", "thousand", 4, 160},
          {"price of grain", "shillings", 9, 75},
          {"depth of the trench", "centimetres", 45, 380},
        }},
        .remarks = {{
          "history is written by the winners", "this letter was never sent",
          "the walls have seen worse", "nobody remembers their names",
          "the map is older than the city", "my great-grandfather stood right here",
          "every stone has a story", "the date on the coin is wrong"
        }},
        .complaints = {{
          "the museum is closed on Mondays", "the labels are too small",
          "the guide speaks too fast", "the archive has no heating",
          "the exhibits are badly lit", "the ruins are full of litter",
          "the entrance fee keeps rising", "the statue has lost its nose"
        }},
    },
    {
        .id = "health",
        .agents = {{
          {"nurse", "nurses"}, {"doctor", "doctors"}, {"patient", "patients"},
          {"surgeon", "surgeons"}, {"dentist", "dentists"}, {"pharmacist", "pharmacists"},
          {"midwife", "midwives"}, {"paramedic", "paramedics"}
        }},
        .things = {{
          {"bandage", "bandages"}, {"syringe", "syringes"}, {"prescription", "prescriptions"},
          {"wheelchair", "wheelchairs"}, {"thermometer", "thermometers"},
          {"hospital bed", "hospital beds"}, {"ambulance", "ambulances"},
          {"stethoscope", "stethoscopes"}, {"crutch", "crutches"},
          {"bottle of pills", "bottles of pills"}
        }},
        .adjectives = {{
          "clean", "expensive", "modern", "faulty", "second-hand", "old-fashioned", "reliable",
          "uncomfortable"
        }},
        .handled = {{
          "ordered", "inspected", "replaced", "borrowed", "recalled", "reported"
        }},
        .actions = {{
          {"examine", "examines", "examined", "examined", "examining",
           {{"the X-ray", "the wound", "the patient's throat", "the test results",
           "the swollen ankle"}}},
          {"take", "takes", "took", "taken", "taking",
           {{"the tablets", "a deep breath", "the blood pressure", "a blood sample",
           "the temperature"}}},
          {"wash", "washes", "washed", "washed", "washing",
           {{"the wound", "the instruments", "the bed linen", "the feeding bottles",
           "the floor of the ward"}}},
          {"call", "calls", "called", "called", "calling",
           {{"the emergency number", "the family", "the night nurse", "a specialist",
           "the insurance company"}}},
          {"prepare", "prepares", "prepared", "prepared", "preparing",
           {{"the operating theatre", "the vaccine", "the herbal tea", "the discharge letter",
           "the stretcher"}}},
          {"bandage", "bandages", "bandaged", "bandaged", "bandaging",
           {{"the sprained wrist", "the child's knee", "the burnt hand", "the dog bite",
           "the cut finger"}}},
          {"explain", "explains", "explained", "explained", "explaining",
           {{"the diagnosis", "the side effects", "the diet", "the new treatment", "the risks"}}},
          {"visit", "visits", "visited", "visited", "visiting",
           {{"the sick neighbour", "the children's ward", "the physiotherapist", "the clinic",
           "the eye specialist"}}},
        }},
        .events = {{
          "the fever went down", "the ambulance got stuck in traffic", "the patient woke up",
          "the pain came back", "the test came back negative", "the wound became infected",
          "the baby arrived two weeks early", "the pharmacy ran out of insulin"
        }},
        .happenings = {{
          "the epidemic", "the operation", "the night shift", "the pandemic",
          "the vaccination campaign", "the quarantine"
        }},
        .places = {{
          "in the waiting room", "on the ward", "at the clinic", "in the operating theatre",
          "at the pharmacy", "in the ambulance", "at the health centre", "in the corridor"
        }},
        .themes = {{
          "vaccination", "mental health", "sleep", "hygiene", "preventive medicine",
          "antibiotic resistance"
        }},
        .measures = {{
          {"blood pressure", "millimetres of mercury", 90, 190},
          {"waiting time", "minutes", 15, 260},
          {"daily dose", "milligrams", 20, 800},
        }},
        .remarks = {{
          "you need to rest", "it hurts when I laugh", "the operation went well",
          "take one after each meal", "I feel much better today", "the doctor will see you now",
          "laughter is the best medicine", "you were lucky"
        }},
        .complaints = {{
          "my back hurts", "the waiting room is full", "the pills make me sleepy",
          "the nurse never comes", "I cannot sleep", "the food is tasteless", "the wound itches",
          "my appointment was cancelled"
        }},
    },
    {
        .id = "technology",
        .agents = {{
          {"programmer", "programmers"}, {"engineer", "engineers"},
          {"technician", "technicians"}, {"designer", "designers"}, {"hacker", "hackers"},
          {"user", "users"}, {"system administrator", "system administrators"},
          {"tester", "testers"}
        }},
        .things = {{
          {"laptop", "laptops"}, {"robot", "robots"}, {"server", "servers"},
          {"charger", "chargers"}, {"keyboard", "keyboards"}, {"drone", "drones"},
          {"screen", "screens"}, {"password", "passwords"}, {"battery", "batteries"},
          {"sensor", "sensors"}
        }},
        .adjectives = {{
          "slow", "broken", "outdated", "expensive", "reliable", "noisy", "faulty", "clever"
        }},
        .handled = {{
          "hacked", "repaired", "stolen", "replaced", "updated", "tested"
        }},
        .actions = {{
          {"update", "updates", "updated", "updated", "updating",
           {{"the software", "the firmware", "the customer database", "the website",
           "the virus scanner"}}},
          {"test", "tests", "tested", "tested", "testing",
           {{"the prototype", "the search function", "the brakes of the robot", "the login page",
           "the spare server"}}},
          {"restart", "restarts", "restarted", "restarted", "restarting",
           {{"the router", "the server", "the laptop", "the payment system", "the projector"}}},
          {"delete", "deletes", "deleted", "deleted", "deleting",
           {{"the old backups", "the spam folder", "the wrong account", "the log files",
           "the duplicate photographs"}}},
          {"install", "installs", "installed", "installed", "installing",
           {{"the security patch", "a new graphics card", "the solar panels",
           "the smoke detector", "the printer driver"}}},
          {"design", "designs", "designed", "designed", "designing",
           {{"a chess computer", "a better keyboard", "the control panel", "a waterproof camera",
           "the user interface"}}},
          {"connect", "connects", "connected", "connected", "connecting",
           {{"the cables", "the headset", "the sensors", "the old modem", "the loudspeakers"}}},
          {"document", "documents", "documented", "documented", "documenting",
           {{"the interface", "the bug", "the wiring", "the release", "the data format"}}},
        }},
        .events = {{
          "the server crashed", "the battery caught fire", "the screen went black",
          "somebody pulled the plug", "the update deleted everything",
          "the robot stopped in the doorway", "the password was leaked", "the network came back"
        }},
        .happenings = {{
          "the outage", "the upgrade", "the cyberattack", "the hackathon", "the beta test",
          "the migration"
        }},
        .places = {{
          "in the server room", "at the help desk", "in the workshop", "on the test track",
          "at the data centre", "in the repair shop", "at the trade show",
          "in the open-plan office"
        }},
        .themes = {{
          "artificial intelligence", "open source", "data protection", "cloud storage",
          "cheap hardware", "encryption"
        }},
        .measures = {{
          {"download speed", "megabits per second", 4, 620},
          {"battery life", "hours", 3, 42},
          {"memory use", "megabytes", 64, 960},
        }},
        .remarks = {{
          "it works on my machine", "have you tried turning it off",
          "the bug is in the documentation", "nobody reads the log files",
          "the old version was better", "we ship on Friday",
          "the cloud is just another computer", "I wrote that line in my sleep"
        }},
        .complaints = {{
          "the internet is down", "the screen flickers", "my password does not work",
          "the printer is jammed", "the app drains the battery", "the website is too slow",
          "the fan makes a terrible noise", "the update never finishes"
        }},
    },
    {
        .id = "family",
        .agents = {{
          {"babysitter", "babysitters"}, {"grandparent", "grandparents"},
          {"teenager", "teenagers"}, {"neighbour", "neighbours"}, {"godmother", "godmothers"},
          {"stepfather", "stepfathers"}, {"childminder", "childminders"},
          {"landlord", "landlords"}
        }},
        .things = {{
          {"birthday present", "birthday presents"}, {"sofa", "sofas"},
          {"photo album", "photo albums"}, {"cradle", "cradles"}, {"bicycle", "bicycles"},
          {"teapot", "teapots"}, {"blanket", "blankets"}, {"board game", "board games"},
          {"armchair", "armchairs"}, {"wedding dress", "wedding dresses"}
        }},
        .adjectives = {{
          "comfortable", "colourful", "old-fashioned", "worn-out", "precious", "lovely", "tiny",
          "hideous"
        }},
        .handled = {{
          "wrapped", "hidden", "broken", "passed on", "mended", "sold"
        }},
        .actions = {{
          {"wake", "wakes", "woke", "woken", "waking",
           {{"the twins", "the baby", "the whole house", "the dog", "the visitors"}}},
          {"paint", "paints", "painted", "painted", "painting",
           {{"the nursery", "the garden fence", "the kitchen chairs", "the front door",
           "the doll's house"}}},
          {"tidy", "tidies", "tidied", "tidied", "tidying",
           {{"the playroom", "the attic", "the garage", "the bookshelves",
           "the cupboard under the stairs"}}},
          {"invite", "invites", "invited", "invited", "inviting",
           {{"the cousins", "the new neighbours", "the grandparents", "the whole class",
           "the in-laws"}}},
          {"read", "reads", "read", "read", "reading",
           {{"a bedtime story", "the school report", "the old love letters",
           "the instructions aloud", "the will"}}},
          {"feed", "feeds", "fed", "fed", "feeding",
           {{"the cat", "the baby", "the goldfish", "the hungry guests", "the rabbits"}}},
          {"celebrate", "celebrates", "celebrated", "celebrated", "celebrating",
           {{"the birthday", "the silver wedding", "the exam results", "the first tooth",
           "the homecoming"}}},
          {"fold", "folds", "folded", "folded", "folding",
           {{"the laundry", "the napkins", "the paper boats", "the baby clothes",
           "the blankets"}}},
        }},
        .events = {{
          "the baby started to cry", "the cat knocked over the vase",
          "grandmother told the story again", "the twins blamed each other",
          "the lights went out during dinner", "nobody remembered the birthday",
          "the letter arrived too late", "the children refused to go to bed"
        }},
        .happenings = {{
          "the wedding", "the family reunion", "the move", "the christening",
          "the summer holiday", "the argument"
        }},
        .places = {{
          "in the living room", "at the breakfast table", "in the garden", "on the stairs",
          "at the playground", "in the attic", "on the balcony", "in the back of the car"
        }},
        .themes = {{
          "pocket money", "homework", "family life", "childcare", "bedtime", "sibling rivalry"
        }},
        .measures = {{
          {"screen time", "minutes a day", 15, 310},
          {"weekly pocket money", "pounds", 2, 38},
          {"height of the eldest child", "centimetres", 82, 178},
        }},
        .remarks = {{
          "you are just like your father", "I was not asleep", "dinner is getting cold",
          "she said her first word today", "we never throw anything away",
          "please knock before you come in", "it was like that when I found it",
          "the dog ate my homework"
        }},
        .complaints = {{
          "my brother took my bicycle", "there is nothing to eat", "the baby is crying again",
          "the washing machine is broken", "nobody listens to me", "my room is too small",
          "the neighbours are too loud", "the dog is on the sofa"
        }},
    },
    {
        .id = "school",
        .agents = {{
          {"teacher", "teachers"}, {"pupil", "pupils"}, {"librarian", "librarians"},
          {"student", "students"}, {"headmaster", "headmasters"}, {"caretaker", "caretakers"},
          {"professor", "professors"}, {"examiner", "examiners"}
        }},
        .things = {{
          {"textbook", "textbooks"}, {"blackboard", "blackboards"}, {"essay", "essays"},
          {"exam", "exams"}, {"pencil case", "pencil cases"}, {"satchel", "satchels"},
          {"calculator", "calculators"}, {"globe", "globes"}, {"poem", "poems"},
          {"desk", "desks"}
        }},
        .adjectives = {{
          "difficult", "boring", "interesting", "old", "heavy", "brilliant", "strange",
          "unfinished"
        }},
        .handled = {{
          "lost", "copied", "marked", "praised", "replaced", "hidden"
        }},
        .actions = {{
          {"mark", "marks", "marked", "marked", "marking",
           {{"the essays", "the exam papers", "the spelling test", "the homework",
           "the maths quiz"}}},
          {"learn", "learns", "learned", "learned", "learning",
           {{"the poem by heart", "the irregular verbs", "the times table", "the rules of chess",
           "the capital cities"}}},
          {"borrow", "borrows", "borrowed", "borrowed", "borrowing",
           {{"the atlas", "two novels", "a ruler", "the chemistry notes", "the projector"}}},
          {"explain", "explains", "explained", "explained", "explaining",
           {{"the exercise", "long division", "the water cycle", "the school rules", "the joke"}}},
          {"write", "writes", "wrote", "written", "writing",
           {{"an essay about whales", "the timetable", "a letter to the headmaster",
           "the last chapter", "a short play"}}},
          {"open", "opens", "opened", "opened", "opening",
           {{"the classroom window", "the library", "the exam envelope", "the dictionary",
           "the music room"}}},
          {"solve", "solves", "solved", "solved", "solving",
           {{"the equation", "the crossword", "the geometry problem", "the riddle on the board",
           "the puzzle"}}},
          {"rehearse", "rehearses", "rehearsed", "rehearsed", "rehearsing",
           {{"the school play", "the speech", "the anthem", "the spelling bee",
           "the fire drill"}}},
        }},
        .events = {{
          "the bell rang", "the whole class burst out laughing", "the fire alarm went off",
          "the teacher lost the exam papers", "the library stayed open all night",
          "the school bus broke down", "a pupil found the mistake", "the results were published"
        }},
        .happenings = {{
          "the exam", "the school trip", "the holidays", "the lesson", "the term",
          "the teachers' strike"
        }},
        .places = {{
          "in the classroom", "in the library", "at the back of the room", "in the playground",
          "at the university", "in the staff room", "at the school gate", "on the school bus"
        }},
        .themes = {{
          "algebra", "grammar", "physical education", "literature", "discipline",
          "public speaking"
        }},
        .measures = {{
          {"class size", "pupils", 9, 48},
          {"average score", "points", 24, 98},
          {"reading speed", "words per minute", 60, 410},
        }},
        .remarks = {{
          "the dog ate my notes", "we have a test tomorrow", "there are no stupid questions",
          "you may leave when the bell rings", "I forgot my glasses", "she knows every answer",
          "read the question twice", "the chalk is finished"
        }},
        .complaints = {{
          "the classroom is freezing", "the test is unfair", "our teacher is ill",
          "the library has no chairs", "the homework takes hours", "my pen does not work",
          "the lessons start too early", "the canteen food is awful"
        }},
    },
    {
        .id = "music",
        .agents = {{
          {"violinist", "violinists"}, {"singer", "singers"}, {"conductor", "conductors"},
          {"composer", "composers"}, {"drummer", "drummers"}, {"pianist", "pianists"},
          {"music critic", "music critics"}, {"street musician", "street musicians"}
        }},
        .things = {{
          {"guitar", "guitars"}, {"song", "songs"}, {"violin", "violins"},
          {"concert", "concerts"}, {"piano", "pianos"}, {"melody", "melodies"},
          {"drum", "drums"}, {"trumpet", "trumpets"}, {"record", "records"}, {"choir", "choirs"}
        }},
        .adjectives = {{
          "loud", "sad", "famous", "cheerful", "unknown", "strange", "impressive", "dreadful"
        }},
        .handled = {{
          "recorded", "praised", "sold", "forgotten", "advertised", "criticised"
        }},
        .actions = {{
          {"tune", "tunes", "tuned", "tuned", "tuning",
           {{"the piano", "the cello", "the guitar", "the old harp", "the timpani"}}},
          {"sing", "sings", "sang", "sung", "singing",
           {{"the second verse", "a lullaby", "the national anthem", "the solo", "an aria"}}},
          {"record", "records", "recorded", "recorded", "recording",
           {{"the album", "the rehearsal", "a duet", "the bird song", "the slow movement"}}},
          {"practise", "practises", "practised", "practised", "practising",
           {{"the scales", "the sonata", "the drum roll", "the difficult bars", "the waltz"}}},
          {"compose", "composes", "composed", "composed", "composing",
           {{"an opera", "the film music", "a wedding march", "a string quartet",
           "a song about rain"}}},
          {"repair", "repairs", "repaired", "repaired", "repairing",
           {{"the organ", "the broken string", "the accordion", "the loudspeaker",
           "the piano stool"}}},
          {"play", "plays", "played", "played", "playing",
           {{"the trumpet", "the slow waltz", "the encore", "a folk song", "the wrong record"}}},
          {"applaud", "applauds", "applauded", "applauded", "applauding",
           {{"the soloist", "the choir", "the young composer", "the orchestra",
           "the last dance"}}},
        }},
        .events = {{
          "the audience rose to its feet", "a string snapped", "the singer lost her voice",
          "the lights went down", "the conductor dropped the baton", "the band split up",
          "the encore lasted an hour", "somebody's telephone rang"
        }},
        .happenings = {{
          "the concert", "the festival", "the tour", "the rehearsal", "the interval",
          "the opera season"
        }},
        .places = {{
          "in the concert hall", "at the music school", "on the stage", "in the rehearsal room",
          "at the jazz club", "under the bridge", "in the church", "at the opera"
        }},
        .themes = {{
          "rhythm", "harmony", "folk music", "perfect pitch", "modern opera", "silence"
        }},
        .measures = {{
          {"tempo", "beats per minute", 42, 208},
          {"length of the concert", "minutes", 35, 280},
          {"loudness", "decibels", 30, 118},
        }},
        .remarks = {{
          "we play it too fast", "the piano is out of tune", "I wrote it in one night",
          "nobody claps between movements", "that song always makes me cry",
          "the drummer is late again", "silence is part of the music", "my voice is gone"
        }},
        .complaints = {{
          "the neighbours play drums at night", "the hall echoes", "the seats are too hard",
          "the music is too loud", "the piano is out of tune", "the tickets are sold out",
          "the singer is off key", "the microphone whistles"
        }},
    },
    {
        .id = "nature",
        .agents = {{
          {"gardener", "gardeners"}, {"forester", "foresters"}, {"beekeeper", "beekeepers"},
          {"biologist", "biologists"}, {"shepherd", "shepherds"},
          {"birdwatcher", "birdwatchers"}, {"farmer", "farmers"}, {"park ranger", "park rangers"}
        }},
        .things = {{
          {"oak tree", "oak trees"}, {"owl", "owls"}, {"flower", "flowers"},
          {"hedgehog", "hedgehogs"}, {"butterfly", "butterflies"}, {"mushroom", "mushrooms"},
          {"beehive", "beehives"}, {"nest", "nests"}, {"fox", "foxes"}, {"orchid", "orchids"}
        }},
        .adjectives = {{
          "rare", "beautiful", "enormous", "unusual", "ancient", "neglected", "wild", "ordinary"
        }},
        .handled = {{
          "spotted", "photographed", "protected", "drawn", "disturbed", "counted"
        }},
        .actions = {{
          {"plant", "plants", "planted", "planted", "planting",
           {{"the apple trees", "the tulips", "a hedge", "the seedlings", "the sunflowers"}}},
          {"water", "waters", "watered", "watered", "watering",
           {{"the roses", "the vegetable patch", "the young trees", "the window boxes",
           "the lawn"}}},
          {"count", "counts", "counted", "counted", "counting",
           {{"the herons", "the bats", "the rings of the tree", "the lambs", "the wild orchids"}}},
          {"feed", "feeds", "fed", "fed", "feeding",
           {{"the ducks", "the orphaned fawn", "the hens", "the bees", "the goats"}}},
          {"prune", "prunes", "pruned", "pruned", "pruning",
           {{"the vines", "the cherry tree", "the hedge", "the roses", "the old pear tree"}}},
          {"follow", "follows", "followed", "followed", "following",
           {{"the wolf tracks", "the stream", "the migrating geese", "the deer",
           "the old shepherds' path"}}},
          {"protect", "protects", "protected", "protected", "protecting",
           {{"the turtle eggs", "the wetland", "the seedlings", "the nesting site",
           "the old beech forest"}}},
          {"photograph", "photographs", "photographed", "photographed", "photographing",
           {{"the kingfisher", "the waterfall", "the spider's web", "the fallen tree",
           "the autumn leaves"}}},
        }},
        .events = {{
          "the swallows returned", "a fox took two hens", "the old oak fell",
          "the pond dried up", "the bees swarmed", "the first frost killed the beans",
          "a deer jumped the fence", "the cherry trees blossomed early"
        }},
        .happenings = {{
          "the drought", "the harvest", "the forest fire", "the mating season", "the frost",
          "the migration"
        }},
        .places = {{
          "in the forest", "by the pond", "in the garden", "on the hillside",
          "near the waterfall", "in the meadow", "at the nature reserve", "along the hedge"
        }},
        .themes = {{
          "biodiversity", "compost", "pollination", "deforestation", "birdsong", "clean water"
        }},
        .measures = {{
          {"height of the tree", "centimetres", 60, 940},
          {"soil moisture", "percent", 4, 78},
          {"stork population", "pairs", 7, 360},
        }},
        .remarks = {{
          "the owl is back", "do not touch the mushrooms", "spring came early this year",
          "that tree is older than the church", "the bees know what to do",
          "we have not seen a wolf for years", "listen to the blackbird", "the soil is too dry"
        }},
        .complaints = {{
          "slugs are eating the lettuce", "the pond smells", "the hedge is too high",
          "rabbits dig holes in the lawn", "the path is overgrown", "someone picks the orchids",
          "the trees block the light", "the crows wake us at five"
        }},
    },
    {
        .id = "justice",
        .agents = {{
          {"judge", "judges"}, {"lawyer", "lawyers"}, {"detective", "detectives"},
          {"witness", "witnesses"}, {"police officer", "police officers"}, {"thief", "thieves"},
          {"journalist", "journalists"}, {"prosecutor", "prosecutors"}
        }},
        .things = {{
          {"verdict", "verdicts"}, {"fingerprint", "fingerprints"},
          {"stolen car", "stolen cars"}, {"diamond", "diamonds"}, {"confession", "confessions"},
          {"safe", "safes"}, {"letter", "letters"}, {"alibi", "alibis"}, {"wallet", "wallets"},
          {"photograph", "photographs"}
        }},
        .adjectives = {{
          "suspicious", "important", "curious", "valuable", "false", "strange", "incomplete",
          "convincing"
        }},
        .handled = {{
          "mentioned", "discovered", "examined", "ignored", "leaked", "described"
        }},
        .actions = {{
          {"question", "questions", "questioned", "questioned", "questioning",
           {{"the suspect", "the night porter", "the only witness", "the bank manager",
           "the neighbours"}}},
          {"search", "searches", "searched", "searched", "searching",
           {{"the flat", "the boot of the car", "the cellar", "the stolen suitcase",
           "the river bank"}}},
          {"arrest", "arrests", "arrested", "arrested", "arresting",
           {{"the forger", "two pickpockets", "the wrong man by mistake", "the getaway driver",
           "the smugglers"}}},
          {"read", "reads", "read", "read", "reading",
           {{"the indictment", "the statement", "the ransom note", "the will",
           "the police report"}}},
          {"defend", "defends", "defended", "defended", "defending",
           {{"the accused", "the tenants", "the young burglar", "the verdict", "the newspaper"}}},
          {"follow", "follows", "followed", "followed", "following",
           {{"the grey van", "the money", "the footprints", "the courier", "the stranger"}}},
          {"photograph", "photographs", "photographed", "photographed", "photographing",
           {{"the broken lock", "the tyre marks", "the crime scene", "the evidence",
           "the empty safe"}}},
          {"report", "reports", "reported", "reported", "reporting",
           {{"the burglary", "the missing bicycle", "the accident", "the fraud", "the threat"}}},
        }},
        .events = {{
          "the jury could not agree", "the witness changed her story", "the alarm failed",
          "the thief returned the painting", "the police found the car", "the judge fell asleep",
          "the suspect confessed", "the evidence disappeared"
        }},
        .happenings = {{
          "the trial", "the hearing", "the investigation", "the robbery", "the manhunt",
          "the hostage crisis"
        }},
        .places = {{
          "in the courtroom", "at the police station", "outside the bank", "in the back alley",
          "at the scene of the crime", "on the steps of the court", "in the interview room",
          "near the jewellery shop"
        }},
        .themes = {{
          "organised crime", "free speech", "identity theft", "police reform",
          "witness protection", "jury duty"
        }},
        .measures = {{
          {"length of the sentence", "months", 2, 96},
          {"burglary rate", "cases per month", 5, 140},
          {"fine", "euros", 35, 980},
        }},
        .remarks = {{
          "I did not see his face", "the door was not locked", "my client is innocent",
          "you have the right to remain silent", "somebody is lying",
          "the camera was switched off", "we found it under the floor",
          "that is not my signature"
        }},
        .complaints = {{
          "the street lights are broken", "my bicycle has been stolen", "the police never come",
          "the alarm goes off every night", "someone slashes the tyres", "the lock is broken",
          "the hearing is delayed", "nobody returns my calls"
        }},
    },
    {
        .id = "shopping",
        .agents = {{
          {"customer", "customers"}, {"shop assistant", "shop assistants"},
          {"cashier", "cashiers"}, {"street trader", "street traders"}, {"florist", "florists"},
          {"tailor", "tailors"}, {"delivery driver", "delivery drivers"},
          {"bookseller", "booksellers"}
        }},
        .things = {{
          {"coat", "coats"}, {"lamp", "lamps"}, {"pair of shoes", "pairs of shoes"},
          {"watch", "watches"}, {"carpet", "carpets"}, {"scarf", "scarves"},
          {"kettle", "kettles"}, {"mirror", "mirrors"}, {"toy", "toys"},
          {"necklace", "necklaces"}
        }},
        .adjectives = {{
          "expensive", "cheap", "fashionable", "ugly", "second-hand", "elegant", "faulty",
          "unusual"
        }},
        .handled = {{
          "sold", "returned", "wrapped", "delivered", "stolen", "reduced"
        }},
        .actions = {{
          {"return", "returns", "returned", "returned", "returning",
           {{"the shoes", "the broken kettle", "the wrong parcel", "the winter coat",
           "the headphones"}}},
          {"buy", "buys", "bought", "bought", "buying",
           {{"a dozen eggs", "the last umbrella", "a second-hand bicycle",
           "flowers for the teacher", "two kilos of apples"}}},
          {"compare", "compares", "compared", "compared", "comparing",
           {{"the prices", "the two washing machines", "the labels", "the guarantees",
           "the fabrics"}}},
          {"wrap", "wraps", "wrapped", "wrapped", "wrapping",
           {{"the vase", "the gifts", "the glasses in newspaper", "the cheese", "the books"}}},
          {"try", "tries", "tried", "tried", "trying",
           {{"the perfume", "the free samples", "the bigger size", "the reading glasses",
           "the new bakery"}}},
          {"pay", "pays", "paid", "paid", "paying",
           {{"the bill", "the deposit", "the last instalment", "the shopkeeper in coins",
           "the full price"}}},
          {"choose", "chooses", "chose", "chosen", "choosing",
           {{"the wallpaper", "a ripe melon", "the cheaper carpet", "the ring",
           "the blue curtains"}}},
          {"deliver", "delivers", "delivered", "delivered", "delivering",
           {{"the sofa", "the flowers", "the groceries", "the heavy parcel",
           "the Christmas tree"}}},
        }},
        .events = {{
          "the till broke down", "the last coat was sold", "the shop closed without notice",
          "prices fell by half", "the parcel arrived empty",
          "a child got lost in the toy department", "the queue reached the street",
          "the shelves were bare"
        }},
        .happenings = {{
          "the sale", "the Christmas rush", "the stocktaking", "the flea market",
          "the price war", "the queue"
        }},
        .places = {{
          "at the market", "in the department store", "at the checkout", "in the shop window",
          "on the high street", "at the flea market", "in the bookshop", "at the corner shop"
        }},
        .themes = {{
          "online shopping", "window shopping", "second-hand clothing", "packaging",
          "fast fashion", "haggling"
        }},
        .measures = {{
          {"price of coffee", "cents", 90, 480},
          {"discount", "percent", 5, 70},
          {"delivery time", "days", 2, 34},
        }},
        .remarks = {{
          "that is far too much", "I am only looking", "do you have it in blue",
          "keep the change", "it was half price", "this one is not for sale",
          "the old shop was nicer", "I will think about it"
        }},
        .complaints = {{
          "the zip is broken", "the parcel is empty", "the label scratches",
          "the shoes are too tight", "the price was wrong", "the queue is endless",
          "the colour runs in the wash", "my refund has not arrived"
        }},
    },
    {
        .id = "building",
        .agents = {{
          {"carpenter", "carpenters"}, {"plumber", "plumbers"}, {"electrician", "electricians"},
          {"architect", "architects"}, {"tenant", "tenants"}, {"bricklayer", "bricklayers"},
          {"surveyor", "surveyors"}, {"landlady", "landladies"}
        }},
        .things = {{
          {"staircase", "staircases"}, {"ladder", "ladders"}, {"window", "windows"},
          {"door", "doors"}, {"hammer", "hammers"}, {"chimney", "chimneys"},
          {"wardrobe", "wardrobes"}, {"fence", "fences"}, {"roof tile", "roof tiles"},
          {"bathtub", "bathtubs"}
        }},
        .adjectives = {{
          "crooked", "wooden", "modern", "dangerous", "narrow", "solid", "cheap", "handsome"
        }},
        .handled = {{
          "repaired", "painted", "measured", "removed", "replaced", "damaged"
        }},
        .actions = {{
          {"repair", "repairs", "repaired", "repaired", "repairing",
           {{"the roof", "the leaking tap", "the garden gate", "the heating",
           "the cracked wall"}}},
          {"paint", "paints", "painted", "painted", "painting",
           {{"the ceiling", "the window frames", "the hallway", "the shed", "the railings"}}},
          {"measure", "measures", "measured", "measured", "measuring",
           {{"the doorway", "the floor", "the height of the shelves", "the plot of land",
           "the staircase"}}},
          {"order", "orders", "ordered", "ordered", "ordering",
           {{"the bricks", "forty tiles", "a skip for the rubble", "the oak boards",
           "the double glazing"}}},
          {"demolish", "demolishes", "demolished", "demolished", "demolishing",
           {{"the old garage", "the partition wall", "the chimney", "the shed",
           "the factory hall"}}},
          {"build", "builds", "built", "built", "building",
           {{"a tree house", "the garden wall", "the scaffolding", "a ramp",
           "two extra bedrooms"}}},
          {"lay", "lays", "laid", "laid", "laying",
           {{"the bricks", "the carpet", "the water pipe", "the foundation stone", "the tiles"}}},
          {"inspect", "inspects", "inspected", "inspected", "inspecting",
           {{"the wiring", "the drains", "the attic", "the balcony", "the fire exits"}}},
        }},
        .events = {{
          "the wall collapsed", "the pipes froze", "the money ran out",
          "the paint dried in an hour", "the crane got stuck", "the builders hit a water main",
          "the ceiling came down", "the planning office said no"
        }},
        .happenings = {{
          "the renovation", "the building work", "the inspection", "the power cut", "the move",
          "the heatwave"
        }},
        .places = {{
          "on the roof", "in the cellar", "at the building site", "behind the garage",
          "in the stairwell", "on the scaffolding", "in the bathroom", "at the housing office"
        }},
        .themes = {{
          "insulation", "planning law", "public housing", "solar heating", "good craftsmanship",
          "scaffolding"
        }},
        .measures = {{
          {"monthly rent", "euros", 240, 990},
          {"thickness of the wall", "centimetres", 8, 95},
          {"heating cost", "euros per month", 25, 310},
        }},
        .remarks = {{
          "measure twice and cut once", "the roof will last another year",
          "nothing in this house is straight", "we ran out of nails", "I would not step on that",
          "the plans were upside down", "it looked smaller on paper",
          "the neighbours will complain"
        }},
        .complaints = {{
          "the tap drips all night", "the lift smells", "the stairs creak",
          "the door does not shut", "the walls are damp", "the heating bangs",
          "the neighbours drill on Sundays", "the balcony wobbles"
        }},
    },
};
// clang-format on

}  // namespace

std::span<const Topic> scene_topics() { return kTopics; }

}  // namespace gnomon::detail
